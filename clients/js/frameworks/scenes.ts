// What several parts of a page show and see at once: what React's and Vue's parts have in common.
import { presence } from "../src/index.ts";
import type { Labels, Presence, PresenceClient } from "../src/types.ts";

/** Presence as a part of the page has it. */
export type PresenceState = Pick<Presence, "members" | "count" | "anonymous" | "partial">;

/** What the parts of one client's page show. */
interface Scenes { parts: Set<Labels>; told: Labels; due: boolean }

const byClient = new WeakMap<object, Scenes>();

/**
 * A part of the page shows a scene, until the function that this returns is called. Of a key that several parts set, the one counts that came last;
 * a key that none sets any more is taken away. What changes in one go, as when a router leaves one page for another, is one set.
 */
export function enter(client: PresenceClient, labels: Labels): () => void {
  let scenes = byClient.get(client);
  if (!scenes) byClient.set(client, scenes = follow(client));
  const part = { ...labels };
  scenes.parts.add(part);
  tell(client, scenes);
  return () => {
    scenes.parts.delete(part);
    tell(client, scenes);
  };
}

/** A connection that is closed takes with it what was told; the next one is told what is shown then. */
function follow(client: PresenceClient): Scenes {
  const scenes: Scenes = { parts: new Set(), told: {}, due: false };
  let there = connects(client);
  client.on("state", () => {
    const was = there;
    there = connects(client);
    if (!there) scenes.told = {};
    else if (!was && scenes.parts.size > 0) tell(client, scenes);
  });
  return scenes;
}

const connects = ({ state }: PresenceClient) => state !== "idle" && state !== "closed";

const same = (a: unknown, b: unknown) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

function tell(client: PresenceClient, scenes: Scenes) {
  if (scenes.due) return;
  scenes.due = true;
  queueMicrotask(() => {
    scenes.due = false;
    if (!connects(client)) return; // what a set would be for is not there yet
    const wanted: Labels = Object.assign({}, ...scenes.parts), change: Labels = {};
    for (const key of Object.keys(scenes.told)) if (!(key in wanted)) change[key] = null;
    for (const [key, value] of Object.entries(wanted)) if (!same(value, scenes.told[key])) change[key] = value;
    scenes.told = wanted;
    const keys = Object.keys(change);
    if (keys.length === 0) return;
    client.set(change).catch((error) => {
      if (keys.length === 1 || error.kind === "closed") return report(error);
      for (const key of keys) { // one label that is refused must not keep those of other parts away
        if (same(change[key], scenes.told[key])) client.set({ [key]: change[key] }).catch(report);
      }
    });
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
