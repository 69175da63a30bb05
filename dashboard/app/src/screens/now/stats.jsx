// The figures of the last minutes: small lines that open full.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { LineChart, Sparkline } from "../../components/chart.jsx";
import { Dialog } from "../../components/dialog.jsx";
import { Polled } from "../../components/states.jsx";
import { number } from "../../components/text.jsx";
import { usePoll } from "../../poll.js";
import { t } from "../../words.js";

const EVERY = 2000; // ms
const WINDOW = 15; // minutes

// pages is how many there are; of the others the answer has counts in each step, which are shown per second, but for what should be none.
// Deliveries and what was dropped are told to keys of the app named default alone.
const figures = [
  { name: "pages", whole: true },
  { name: "pushes" },
  { name: "deliveries" },
  { name: "dropped", whole: true, sum: true },
];

export function Stats({ answer }) {
  const poll = usePoll(`v1/stats?window=${WINDOW}m`, EVERY);
  useEffect(() => {
    answer.value = poll.value;
  }, [poll.value]);
  const open = useSignal(null);
  return (
    <section aria-label={t("now.figures")}>
      <Polled poll={poll}>
        {(stats) => (
          <>
            <ul class="figures">
              {figures.filter(({ name }) => stats.series[name]).map((figure) => (
                <li key={figure.name}>
                  <Figure figure={figure} stats={stats} onOpen={() => (open.value = figure)} />
                </li>
              ))}
            </ul>
            {open.value && <Full figure={open.value} stats={stats} onClose={() => (open.value = null)} />}
          </>
        )}
      </Polled>
    </section>
  );
}

const title = ({ name }) => t(`now.${name}`, { minutes: WINDOW });

/** The values of a figure as they are drawn, oldest first. */
function valuesOf({ name, whole }, { series, step_ms }) {
  const values = series[name];
  return whole ? values : values.map((value) => (value * 1000) / step_ms);
}

function Figure({ figure, stats, onOpen }) {
  const values = valuesOf(figure, stats);
  const value = figure.sum ? values.reduce((a, b) => a + b, 0) : values.at(-1);
  return (
    <button type="button" class="figure card" onClick={onOpen}>
      <span class="figure-title">{title(figure)}</span>
      <span class={`figure-value number ${figure.sum && value > 0 ? "bad" : ""}`}>{written(figure)(value)}</span>
      <Sparkline values={values} />
    </button>
  );
}

const written = ({ whole }) => (value) => number(value, { compact: !whole, digits: whole ? 0 : value < 10 ? 1 : 0 });

const Full = ({ figure, stats, onClose }) => (
  <Dialog kind="dialog wide" title={title(figure)} onClose={onClose}>
    <LineChart title={title(figure)} values={valuesOf(figure, stats)} from={stats.from} step={stats.step_ms} format={written(figure)} />
  </Dialog>
);
