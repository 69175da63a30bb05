// Now: what is wrong, how many pages there are and what is pushed, in which scenes pages are, and the nodes.
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
  return (
    <>
      <Problems nodes={nodes.value} hooks={hooks.value} />
      {!self.value.within && <Stats />}
      <Scenes />
      {all && <Nodes poll={nodes} />}
    </>
  );
}
