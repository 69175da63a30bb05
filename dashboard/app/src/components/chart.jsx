// Lines over time, as small SVG, with their figures as a table behind a button.
import { useState } from "preact/hooks";
import { t } from "../words.js";
import { Table } from "./table.jsx";
import { clock, number } from "./text.jsx";

const WIDTH = 600, HEIGHT = 120; // of the drawing, which is stretched to its place

/** The line alone, for a place that says in words what it is. */
export function Sparkline({ values, to = 0 }) {
  const top = Math.max(to, ...values, 1);
  const x = (i) => (values.length > 1 ? (i * WIDTH) / (values.length - 1) : 0), y = (value) => HEIGHT - 2 - (value / top) * (HEIGHT - 4);
  const points = values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  return (
    <svg class="line" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {values.length > 0 && <polygon points={`0,${HEIGHT} ${points} ${x(values.length - 1)},${HEIGHT}`} />}
      <polyline points={points} />
    </svg>
  );
}

/**
 * A chart: values, oldest first, one every step ms from the time `from`. title says what it shows, format how a value is written.
 */
export function LineChart({ title, values, from, step, format = (value) => number(value, { digits: 1 }) }) {
  const [asTable, setAsTable] = useState(false);
  const start = new Date(from).getTime(), last = values.length - 1;
  const rows = values.map((value, i) => ({ at: start + i * step, value })).reverse();
  const top = Math.max(0, ...values);
  return (
    <figure class="chart">
      {asTable
        ? (
          <Table
            caption={title}
            rows={rows}
            id={(row) => row.at}
            columns={[
              { key: "at", title: t("shell.time"), head: true, cell: (row) => clock(new Date(row.at)) },
              { key: "value", title, number: true, cell: (row) => format(row.value) },
            ]}
          />
        )
        : (
          <div class="plot" role="img" aria-label={t("shell.chart", { title, now: format(values[last] ?? 0), top: format(top) })}>
            <span class="top" aria-hidden="true">{format(top)}</span>
            <Sparkline values={values} />
            <span class="ends" aria-hidden="true">
              <span>{clock(new Date(start))}</span>
              <span>{clock(new Date(start + last * step))}</span>
            </span>
          </div>
        )}
      <button type="button" class="small" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
        {t("shell.asTable")}
      </button>
    </figure>
  );
}
