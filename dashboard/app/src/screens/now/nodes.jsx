// The node table.
import { Polled } from "../../components/states.jsx";
import { Table } from "../../components/table.jsx";
import { Bdi, duration, Num, Time } from "../../components/text.jsx";
import { t } from "../../words.js";
import { nameOf } from "./problems.jsx";

export const Nodes = ({ poll }) => (
  <section aria-labelledby="nodes">
    <h2 id="nodes">{t("now.nodes")}</h2>
    <Polled poll={poll}>
      {({ nodes }) => <Table caption={t("now.nodes")} hidden columns={columns(nodes)} rows={nodes} id={({ id }) => id} />}
    </Polled>
  </section>
);

/** Those of which some node tells. */
const columns = (nodes) => all().filter(({ told }) => !told || nodes.some(told));

const all = () => [
  { key: "name", title: t("now.node"), head: true, cell: Name, sort: nameOf },
  { key: "state", title: t("now.state"), cell: State, sort: ({ state }) => state },
  { key: "connections", title: t("now.pages"), number: true, cell: ({ connections }) => <Num value={connections} />, sort: ({ connections }) => connections },
  { key: "loops", told: ({ loop_lag_ms }) => loop_lag_ms !== undefined, title: t("now.loops"), number: true, cell: Loops, sort: ({ loop_lag_ms }) => loop_lag_ms ?? -1 },
  { key: "lag", title: t("now.lag"), number: true, cell: ({ lag_ms }) => duration(lag_ms), sort: ({ lag_ms }) => lag_ms },
  { key: "engine", told: ({ engine }) => engine, title: t("now.engine"), cell: ({ engine }) => engine ?? "–", sort: ({ engine }) => engine },
  { key: "version", title: t("now.version"), cell: ({ version }) => <Bdi>{version || "–"}</Bdi>, sort: ({ version }) => version },
  { key: "started", title: t("now.started"), cell: ({ started }) => <Time ago at={started} />, sort: ({ started }) => -new Date(started) },
];

const Name = (node) => <><Bdi>{nameOf(node)}</Bdi>{node.self && <span class="quiet"> {t("now.self")}</span>}</>;

const State = ({ state, draining, draining_since: since }) => {
  if (state === "late") return <span class="state bad">{t("now.isLate")}</span>;
  if (!draining) return <span class="state good">{t("now.isUp")}</span>;
  return <span class="state busy">{since ? t("now.isDrainingSince", { time: <Time at={since} /> }) : t("now.isDraining")}</span>;
};

/** For how long something waited for a loop within the last minute: the bound of a bucket, of which the first is 1 ms. */
const Loops = ({ loop_lag_ms }) => (loop_lag_ms === undefined ? "–" : loop_lag_ms > 0 ? `≤ ${duration(loop_lag_ms)}` : duration(0));
