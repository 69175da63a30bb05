// What is wrong, in words.
import { Note } from "../../components/states.jsx";
import { Bdi, duration, list } from "../../components/text.jsx";
import { nameOf } from "../../nodes.js";
import { href } from "../../route.js";
import { t } from "../../words.js";

const LAG = 2000; // ms behind the log from which it is told

/** Takes the answers of GET v1/nodes and GET v1/hooks, which may be missing, and whether another answer, which says so, lacks that of a node. */
export function Problems({ nodes, hooks, partial }) {
  const all = [...(nodes ? ofNodes(nodes) : []), ...(hooks ? ofHooks(hooks) : [])];
  if (!all.length) return (nodes || hooks) && !partial ? <Note kind="good"><span class="state good">{t("now.well")}</span></Note> : null;
  return (
    <section class="problems" aria-labelledby="problems">
      <h2 id="problems">{t("now.wrong")}</h2>
      {all.map(({ key, words, kind = "bad" }) => <Note key={key} kind={kind}>{words}</Note>)}
    </section>
  );
}

function ofNodes({ nodes, gone = [], log }) {
  const found = [];
  for (const node of nodes) {
    const name = <Bdi whole>{nameOf(node)}</Bdi>;
    const told = node.problems ?? (node.problem ? [node.problem] : []);
    if (node.state === "late") found.push({ key: `${node.id} late`, words: t("now.late", { name, time: duration(Date.now() - new Date(node.since)) }) });
    if (told.length) found.push({ key: `${node.id} told`, words: <>{t("now.told", { name })}<ul>{told.map((text) => <li key={text}><bdi>{text}</bdi></li>)}</ul></> });
    if (node.lag_ms > LAG) found.push({ key: `${node.id} lag`, words: t("now.behind", { name, time: duration(node.lag_ms), n: node.lag }) });
    if (node.draining) found.push({ key: `${node.id} draining`, kind: "busy", words: t("now.draining", { name }) });
  }
  if (gone.length) found.push({ key: "gone", kind: "busy", words: t("now.gone", { n: gone.length, names: <bdi>{list(gone.map(nameOf))}</bdi> }) });
  if (log && !log.leader) found.push({ key: "leader", words: t("now.noLeader") });
  if (log && log.in_sync < log.replicas) found.push({ key: "replicas", words: t("now.notInSync", { n: log.in_sync, replicas: log.replicas }) });
  return found;
}

function ofHooks({ hooks }) {
  const failing = hooks.filter(({ state }) => state !== "ok");
  if (!failing.length) return [];
  const link = <a href={href("hooks")}>{t("now.seeHooks")}</a>;
  return [{ key: "hooks", words: t("now.hooksFail", { n: failing.length, names: <bdi>{list(failing.map(({ name }) => name))}</bdi>, link }) }];
}
