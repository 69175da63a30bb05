// Why an audience matches a page, or does not: part by part.
import { useSignal } from "@preact/signals";
import { useAction } from "../../action.js";
import { call } from "../../api.js";
import { AudienceField } from "../../components/audience.jsx";
import { ErrorBox } from "../../components/states.jsx";
import { t } from "../../words.js";

export function Explain({ id }) {
  const to = useSignal("");
  const explain = useAction(() => call("POST", "v1/audience/explain", { to: to.peek(), connection: id }));
  const answer = explain.value;
  return (
    <section aria-labelledby="explain">
      <h3 id="explain">{t("explain.title")}</h3>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void explain.run();
        }}
      >
        <AudienceField
          label={t("push.to")}
          value={to.value}
          onInput={(text) => {
            to.value = text;
            explain.clear();
          }}
        />
        <button type="submit" disabled={!to.value.trim() || explain.busy}>{t("explain.ask")}</button>
      </form>
      <div role="status">
        {answer && <p class={answer.matches ? "state good" : "state bad"}>{t(answer.matches ? "explain.matches" : "explain.misses")}</p>}
        {answer && <ul class="parts"><Part part={answer.explanation} /></ul>}
      </div>
      <ErrorBox problem={explain.problem} />
    </section>
  );
}

const Part = ({ part: { text, matches, why, of } }) => (
  <li>
    <span class={matches ? "good" : "bad"}>
      <span aria-hidden="true">{matches ? "✓ " : "✗ "}</span>
      <span class="unseen">{t(matches ? "explain.yes" : "explain.no")}</span>
    </span>
    <bdi class="whole"><code>{text}</code></bdi>
    {why && <span class="quiet"> <bdi class="whole">{why}</bdi></span>}
    {of && <ul>{of.map((each, i) => <Part key={i} part={each} />)}</ul>}
  </li>
);
