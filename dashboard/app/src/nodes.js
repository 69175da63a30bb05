// What nodes are called.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "./api.js";
import { seesAll } from "./session.js";

const names = signal({}); // by ID

/** What a node is called, with the ID by which answers name it. */
export const nameOf = ({ id, name }) => (name ? `${name} (${id})` : String(id));

/** Tells what the node with an ID is called. ids are those that are shown: where one is not known yet, and the key may ask, the node that answers is asked once. */
export function useNodeNames(ids) {
  const unknown = seesAll() && ids.find((id) => !(id in names.value));
  useEffect(() => {
    if (!unknown) return;
    call("GET", "v1/nodes").then(({ nodes }) => {
      names.value = { ...names.peek(), [unknown]: undefined, ...Object.fromEntries(nodes.map(({ id, name }) => [id, name])) };
    }, () => {}); // the ID is shown, and who shows it next asks again
  }, [unknown]);
  return (id) => nameOf({ id, name: names.value[id] });
}
