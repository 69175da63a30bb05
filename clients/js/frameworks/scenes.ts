// What several parts of a page show and see at once: what React's and Vue's parts have in common.
import { presence } from "../src/index.ts";
import type { Labels, Presence, PresenceClient } from "../src/types.ts";

/** Presence as a part of the page has it. */
export type PresenceState = Pick<Presence, "members" | "count" | "anonymous" | "partial">;

/** What the parts of one client's page show. */
interface Scenes { parts: Set<Labels>; told: Labels; due: boolean; waits: boolean }

const byClient = new WeakMap<object, Scenes>();

/**
 * A part of the page shows a scene, until the function that this returns is called. Of a key that several parts set, the one counts that came last;
 * a key that none sets any more is taken away. What changes in one go, as when a router leaves one page for another, is one set.
 */
export function enter(client: PresenceClient, labels: Labels): () => void {
  let scenes = byClient.get(client);
  if (!scenes) byClient.set(client, scenes = { parts: new Set(), told: {}, due: false, waits: false });
  const part = { ...labels };
  scenes.parts.add(part);
  tell(client, scenes);
  return () => {
    scenes.parts.delete(part);
    tell(client, scenes);
  };
}

function tell(client: PresenceClient, scenes: Scenes) {
  if (scenes.due) return;
  scenes.due = true;
  queueMicrotask(() => {
    scenes.due = false;
    if (client.state === "idle" || client.state === "closed") { // what a set would be for is not there yet
      if (scenes.waits) return;
      scenes.waits = true;
      scenes.told = {};
      const off = client.on("state", (state) => {
        if (state === "closed") return;
        scenes.waits = false;
        off();
        tell(client, scenes);
      });
      return;
    }
    const wanted: Labels = Object.assign({}, ...scenes.parts), change: Labels = {};
    for (const key of Object.keys(scenes.told)) if (!(key in wanted)) change[key] = null;
    for (const [key, value] of Object.entries(wanted)) if (JSON.stringify(value) !== JSON.stringify(scenes.told[key])) change[key] = value;
    scenes.told = wanted;
    if (Object.keys(change).length > 0) client.set(change).catch(report);
  });
}

/** A set that is refused, because of a label that cannot be one, is a mistake of the page's. */
const report = (error: { kind?: string }) => {
  if (error.kind !== "closed") (typeof reportError === "function" ? reportError : console.error)(error);
};

const watchers = new WeakMap<object, Map<string, number>>(); // how many parts see the presence of a key

/** Tells a part of the page who is there, now and when that changes, until the function that this returns is called. With the last part it ends. */
export function see(client: PresenceClient, key: string, tell: (state: PresenceState) => void): () => void {
  let counts = watchers.get(client);
  if (!counts) watchers.set(client, counts = new Map());
  const all = counts, here = presence(client, key);
  all.set(key, (all.get(key) || 0) + 1);
  const look = () => {
    const { members, count, anonymous, partial } = here;
    tell({ members, count, anonymous, partial });
  };
  const off = here.on("change", look);
  look();
  return () => {
    off();
    const left = all.get(key)! - 1;
    all.set(key, left);
    if (left === 0) here.close();
  };
}
