// What a screen shows instead of, or beside, its values: that they are awaited, missing, old, or not there yet.
import { useEffect, useState } from "preact/hooks";
import { t } from "../words.js";
import { Time } from "./text.jsx";

const BUSY_AFTER = 300, WORDS_AFTER = 1000; // ms

/** What is awaited: nothing at first, then a spinner, and within a second words. */
export function Waiting({ children = t("shell.waiting") }) {
  const [stage, setStage] = useState(0);
  useEffect(() => {
    const timers = [setTimeout(() => setStage(1), BUSY_AFTER), setTimeout(() => setStage(2), WORDS_AFTER)];
    return () => timers.forEach(clearTimeout);
  }, []);
  return (
    <p class="waiting" aria-busy="true">
      {stage > 0 && <span class="spinner" aria-hidden="true" />}
      {stage > 1 && <span role="status">{children}</span>}
    </p>
  );
}

/** What the server calls to.column 6, in words. */
function place(where) {
  const [, field, n] = /^(.+)\.column (\d+)$/.exec(where) ?? [];
  return field ? t("shell.column", { n, field: <code>{field}</code> }) : <code>{where}</code>;
}

/** Why a call has failed: what, where, and which setting decides. */
export function ErrorBox({ problem, children }) {
  if (!problem) return null;
  const { detail, message, where, setting, mistakes } = problem;
  return (
    <div class="box bad" role="alert">
      <p>
        <bdi>{detail ?? message}</bdi>
      </p>
      {where && <p>{t("shell.where", { where: place(where) })}</p>}
      {setting && <p>{t("shell.setting", { setting: <code>{setting}</code> })}</p>}
      {mistakes && <ul>{mistakes.map((each) => <li key={each}><bdi>{each}</bdi></li>)}</ul>}
      {children}
    </div>
  );
}

/** Something in words that is neither an error nor a result. kind is "", "good", "busy" or "bad". */
export const Note = ({ kind = "", children }) => <div class={`box ${kind}`}>{children}</div>;

/** Nothing is there: title says so, and the children what to do next. */
export const Empty = ({ title, children }) => (
  <div class="empty">
    <h2>{title}</h2>
    {children}
  </div>
);

/** Says that nodes have not answered, so that the figures are those of the others. answer is that of a call with nodes and nodes_known. */
export function Partial({ answer }) {
  if (!answer || !(answer.nodes < answer.nodes_known)) return null;
  return <Note kind="busy">{t("shell.partial", { nodes: answer.nodes, known: answer.nodes_known })}</Note>;
}

/** The last answer of usePoll, by the function that is its child; or that it is awaited, or why it is missing. */
export function Polled({ poll, children }) {
  const { value, problem, at } = poll;
  if (value === undefined) return problem ? <ErrorBox problem={problem} /> : <Waiting />;
  return (
    <>
      {problem && (
        <ErrorBox problem={problem}>
          <p>{t("shell.stale", { time: <Time at={at} /> })}</p>
        </ErrorBox>
      )}
      <Partial answer={value} />
      {children(value)}
    </>
  );
}
