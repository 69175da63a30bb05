// The node table.
import { Polled } from "../../components/states.jsx";
import { Table } from "../../components/table.jsx";
import { Bdi, duration, Num, Time } from "../../components/text.jsx";
import { nameOf } from "../../nodes.js";
import { t } from "../../words.js";

export const Nodes = ({ poll }) => (
  <section aria-labelledby="nodes">
    <h2 id="nodes">{t("now.nodes")}</h2>
    <Polled poll={poll}>
      {({ nodes, gone = [] }) => <Table caption={t("now.nodes")} hidden columns={columns(nodes)} rows={[...nodes, ...gone.map(asRow)]} id={({ id }) => id} />}
    </Polled>
  </section>
);

/** A node that has fallen silent: its other figures are not known any more. */
const asRow = (node) => ({ ...node, state: "gone" });

/** Those of which some node tells. */
const columns = (nodes) => all().filter(({ told }) => !told || nodes.some(told));

const all = () => [
  { key: "name", title: t("now.node"), head: true, cell: Name, sort: nameOf },
  { key: "state", title: t("now.state"), cell: State, sort: ({ state }) => state },
  { key: "connections", title: t("now.pages"), number: true, cell: ({ connections }) => <Num value={connections} />, sort: ({ connections }) => connections ?? -1 },
  { key: "loops", told: ({ loop_lag_ms }) => loop_lag_ms !== undefined, title: t("now.loops"), number: true, cell: Loops, sort: ({ loop_lag_ms }) => loop_lag_ms ?? -1 },
  { key: "lag", title: t("now.lag"), number: true, cell: ({ lag_ms }) => (lag_ms === undefined ? "–" : duration(lag_ms)), sort: ({ lag_ms }) => lag_ms ?? -1 },
  { key: "engine", told: ({ engine }) => engine, title: t("now.engine"), cell: ({ engine }) => engine ?? "–", sort: ({ engine }) => engine },
  { key: "version", title: t("now.version"), cell: ({ version }) => <Bdi>{version || "–"}</Bdi>, sort: ({ version }) => version },
  { key: "started", title: t("now.started"), cell: ({ started }) => <Time ago at={started} />, sort: ({ started }) => -new Date(started ?? 0) },
];

const Name = (node) => <><span class={node.state === "gone" ? "quiet" : ""}><Bdi whole>{nameOf(node)}</Bdi></span>{node.self && <span class="quiet"> {t("now.self")}</span>}</>;

const State = ({ state, draining, draining_since: since, last_heard: heard }) => {
  if (state === "gone") return <span class="state bad">{t("now.isGone", { time: <Time at={heard} /> })}</span>;
  if (state === "late") return <span class="state bad">{t("now.isLate")}</span>;
  if (!draining) return <span class="state good">{t("now.isUp")}</span>;
  return <span class="state busy">{since ? t("now.isDrainingSince", { time: <Time at={since} /> }) : t("now.isDraining")}</span>;
};

/** For how long something waited for a loop within the last minute: the bound of a bucket, of which the first is 1 ms. */
const Loops = ({ loop_lag_ms }) => (loop_lag_ms === undefined ? "–" : loop_lag_ms > 0 ? `≤ ${duration(loop_lag_ms)}` : duration(0));
