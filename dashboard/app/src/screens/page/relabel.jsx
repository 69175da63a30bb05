// Changes labels of a page, in the name of the backend.
import { useSignal } from "@preact/signals";
import { useAction } from "../../action.js";
import { announce } from "../../announce.js";
import { call } from "../../api.js";
import { TextField } from "../../components/fields.jsx";
import { ErrorBox, Note } from "../../components/states.jsx";
import { t } from "../../words.js";
import { only } from "./drawer.jsx";

export function Relabel({ id, refresh }) {
  const key = useSignal(""), value = useSignal("");
  const change = useAction(async (body) => {
    const answer = await call("POST", "v1/labels", { to: only(id), ...body });
    if (answer.changed < answer.matched) return { refused: true };
    announce(t("relabel.done"));
    refresh();
    return answer;
  });
  const name = key.value.trim();
  return (
    <details class="more">
      <summary>{t("relabel.title")}</summary>
      <form
        class="relabel"
        onSubmit={(event) => {
          event.preventDefault();
          if (name) void change.run({ set: { [name]: value.peek() } });
        }}
      >
        <div class="pair">
          <TextField label={t("page.key")} hint={t("relabel.keyHint")} value={key.value} onInput={(text) => (key.value = text)} />
          <TextField label={t("page.value")} value={value.value} onInput={(text) => (value.value = text)} />
        </div>
        <div class="buttons">
          <button type="submit" class="primary" disabled={!name || change.busy}>{t("relabel.set")}</button>
          <button type="button" disabled={!name || change.busy} onClick={() => change.run({ remove: [name] })}>{t("relabel.remove")}</button>
        </div>
      </form>
      <ErrorBox problem={change.problem} />
      {change.value?.refused && <Note kind="bad"><p>{t("relabel.refused", { setting: <code>labels.max_count</code> })}</p></Note>}
    </details>
  );
}
