// What became of a push: a bar with its parts, and the same in words.
import { t } from "../words.js";
import { number } from "./text.jsx";

/** The parts of a tally, in their order, each page in one of them: [{part, n}]. What has no pages is left out. */
export function parts({ matched = 0, queued = 0, written, acked, dropped = 0, timed_out = 0 }) {
  const had = acked ?? 0, wrote = Math.max((written ?? 0) - had, 0);
  const late = Math.min(timed_out, Math.max(queued - had - wrote, 0));
  const all = [
    { part: "acked", n: had },
    { part: "written", n: wrote },
    { part: "timedOut", n: late },
    { part: "queued", n: Math.max(queued - had - wrote - late, 0) },
    { part: "dropped", n: dropped },
  ];
  const rest = matched - all.reduce((sum, { n }) => sum + n, 0);
  return [...all, { part: "left", n: Math.max(rest, 0) }].filter(({ n }) => n > 0);
}

/** A tally as a bar and a legend. */
export function TallyBar({ tally }) {
  const shown = parts(tally), all = shown.reduce((sum, { n }) => sum + n, 0);
  let before = 0;
  return (
    <div class="tally">
      <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
        <rect class="tally-none" width="1000" height="10" />
        {shown.map(({ part, n }) => {
          const x = (before / all) * 1000;
          before += n;
          return <rect key={part} class={`tally-${part}`} x={x} width={(n / all) * 1000} height="10" />;
        })}
      </svg>
      <ul>
        <li><strong>{number(tally.matched ?? 0)}</strong> {t("tally.matched")}</li>
        {shown.map(({ part, n }) => (
          <li key={part} class={`tally-${part}`}><strong>{number(n)}</strong> {t(`tally.${part}`)}</li>
        ))}
      </ul>
    </div>
  );
}
