// Now: what is wrong, how many pages there are and what is pushed, in which scenes pages are, and the nodes.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { self, seesAll } from "../session.js";
import { Nodes } from "./now/nodes.jsx";
import { Problems } from "./now/problems.jsx";
import { Scenes } from "./now/scenes.jsx";
import { Stats } from "./now/stats.jsx";
import { usePoll } from "../poll.js";

const EVERY = 3000; // ms

export function Now() {
  const all = seesAll();
  const nodes = usePoll(all ? "v1/nodes" : null, EVERY);
  // Nodes tell of hooks that fail as well, and of those of all apps.
  const hooks = usePoll(all || self.value.within ? null : "v1/hooks", 3 * EVERY);
  const stats = useSignal(), scenes = useSignal(); // their last answers
  const partial = [stats.value, scenes.value].some((answer) => answer && answer.nodes < answer.nodes_known);
  useEffect(() => {
    if (partial) nodes.refresh(); // they are about to be told of one that is late
  }, [partial]);
  return (
    <>
      <Problems nodes={nodes.value} hooks={hooks.value} partial={partial} />
      {!self.value.within && <Stats answer={stats} />}
      <Scenes answer={scenes} />
      {all && <Nodes poll={nodes} />}
    </>
  );
}
