// Feed: what happens to pages at all nodes, as it happens.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { AudienceField } from "../components/audience.jsx";
import { Chips } from "../components/fields.jsx";
import { valuesOf } from "../components/labels.jsx";
import { Empty, ErrorBox, Note } from "../components/states.jsx";
import { Table } from "../components/table.jsx";
import { Bdi, Time } from "../components/text.jsx";
import { ALL, SCENES, useFeed } from "../feed.js";
import { href } from "../route.js";
import { self } from "../session.js";
import { language, t } from "../words.js";

export function Feed() {
  const types = useSignal([]), typed = useSignal(""), to = useSignal(""), paused = useSignal(false);
  const { events, state, waiting, leftOut, clear, listen } = useFeed({ events: types.value, to: to.value }, paused.value);
  const columns = useMemo(() => [
    { key: "at", title: t("shell.time"), head: true, cell: ({ timestamp }) => <Time at={timestamp} milliseconds /> },
    { key: "type", title: t("feed.type"), cell: ({ type }) => <code>{type}</code> },
    { key: "of", title: t("feed.of"), cell: Of },
    { key: "what", title: t("feed.what"), cell: What },
  ], [language.value]); // the same as long as can be, as rows then are
  const offered = self.value.within ? ALL.filter((type) => !SCENES.includes(type)) : ALL;
  return (
    <>
      <p class="lead">{t("feed.lead")}</p>
      <form
        class="find"
        onSubmit={(event) => {
          event.preventDefault();
          to.value = typed.value.trim();
        }}
      >
        <AudienceField label={t("feed.to")} hint={t("feed.toHint")} value={typed.value} onInput={(text) => (typed.value = text)} />
        <button type="submit">{t("feed.filter")}</button>
      </form>
      <span class="by" aria-hidden="true">{t("feed.types")}</span>
      <Chips label={t("feed.types")} options={offered} value={types.value} onChange={(chosen) => (types.value = chosen)} />
      <div class="buttons feed-bar">
        <span class={`state ${state.name === "live" ? "good" : "busy"}`} role="status">{t(`feed.state.${state.name}`)}</span>
        <button type="button" aria-pressed={paused.value} onClick={() => (paused.value = !paused.value)}>
          {paused.value && waiting > 0 ? t("feed.goOnWith", { n: waiting }) : t(paused.value ? "feed.goOn" : "feed.pause")}
        </button>
        <button type="button" disabled={!events.length && !leftOut} onClick={clear}>{t("feed.clear")}</button>
      </div>
      {state.name === "closed" && <ErrorBox problem={{ detail: state.reason }} />}
      {state.name === "behind" && (
        <Note kind="bad">
          <p role="alert">{t("feed.behind")}</p>
          <button type="button" onClick={listen}>{t("feed.listen")}</button>
        </Note>
      )}
      {leftOut > 0 && <Note kind="busy">{t("feed.leftOut", { n: leftOut })}</Note>}
      {events.length
        ? (
          <Table
            caption={t("feed.caption")}
            hidden
            rows={events}
            id={({ key }) => key}
            columns={columns}
          />
        )
        : <Empty title={t("feed.none")}><p>{t("feed.noneWhy")}</p></Empty>}
    </>
  );
}

/** The page, scene, trigger or push that the event is of. */
function Of({ data = {} }) {
  if (data.connection) return <a href={href("pages", { open: data.connection })}>{data.connection}</a>;
  if (data.key) return <a href={href("presence", { key: data.key, value: data.value })}><Bdi>{`${data.key} = ${data.value}`}</Bdi></a>;
  return <Bdi>{data.trigger ?? data.push ?? data.id ?? ""}</Bdi>;
}

const hidden = ["app", "connection", "key", "value", "node", "trigger", "push", "id", "version"]; // which other columns have, or nobody asks for

/** Everything else that the event says. */
function What({ data, reason }) {
  if (!data) return reason && <bdi class="whole">{reason}</bdi>;
  const text = Object.entries(data).filter(([name]) => !hidden.includes(name)).map(([name, value]) =>
    name === "labels" || name === "before"
      ? `${name === "labels" ? "" : `${name}: `}${Object.entries(value).filter(([key]) => key !== "@id").map(([key, values]) => `${key}=${valuesOf(values)}`).join(" ")}`
      : `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`);
  return <bdi class="whole">{text.join("  ")}</bdi>;
}
