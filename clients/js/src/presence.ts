// Who else is in the page's scenes: a part of its own, loaded only by pages that use it.
import type { Presence, PresenceClient, PresenceMember } from "./types.ts";

/** A scene as the messages tell of it. */
interface Scene { members: Map<string, PresenceMember>; count: number; anonymous: number; partial: boolean; stale?: boolean }

/** What is asked for by one client. */
interface Watcher { presence: Presence; take(message: any): void; watch(): void; retry(): void; renew(): void }

/** What one client watches, and how it asks. */
interface Watched { all: Map<string, Watcher>; keys: string[]; ask(message: object): void }

const byClient = new WeakMap<object, Watched>();
const SNAPSHOTS_WITHIN = 500; // behind a welcome; of a scene of which none has come the page is no more

/** The presence of a key: the same object for the same key. It asks the server whenever the client is connected. */
export function presence(client: PresenceClient, key: string): Presence {
  let watched = byClient.get(client);
  if (!watched) {
    const all = new Map<string, Watcher>(), keys: string[] = [];
    let asked = ""; // by the event stream that there is
    const send = client.plug((message: any) => {
      if (message.type === "set") for (const watcher of all.values()) watcher.retry();
      all.get(message.key)?.take(message);
      if (message.type === "error" && typeof message.id === "string") {
        for (const [key, watcher] of all) if (message.id === ID + key) watcher.take(message);
      }
    }, keys);
    byClient.set(client, watched = {
      all, keys,
      ask(message) {
        if (client.id === null) return;
        try {
          send(message);
        } catch {
          // An event stream, over which a page cannot ask: it is opened anew, as for a change of labels.
          if (asked !== keys.join()) client.set({});
        }
      },
    });
    client.on("state", (state) => { if (state === "connecting") asked = keys.join(); });
    client.on("welcome", () => {
      for (const watcher of all.values()) {
        watcher.renew();
        watcher.watch();
      }
    });
    client.on("gap", ({ reason }) => { if (reason === "dropped") for (const watcher of all.values()) watcher.watch(); });
  }
  let watcher = watched.all.get(key);
  if (!watcher) {
    watched.all.set(key, watcher = create(watched, key));
    watched.keys.push(key);
    if (client.state === "open") watcher.watch();
  }
  return watcher.presence;
}

const ID = "presence ";
const NAMES = ["joined", "left", "updated", "change", "refused"];

function create({ all, keys, ask }: Watched, key: string): Watcher {
  const scenes = new Map<string, Scene>();
  const listeners = new Map(NAMES.map((name) => [name, new Set<(detail: any) => unknown>()]));
  let refused = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const say = (type: string) => ask({ type, id: ID + key, key });

  /** What is known is of the connection before: what is not told of again has been left meanwhile. */
  function renew() {
    for (const scene of scenes.values()) scene.stale = true;
    clearTimeout(timer);
    if (scenes.size > 0) timer = setTimeout(dropStale, SNAPSHOTS_WITHIN);
  }

  function dropStale() {
    const before = scenes.size;
    for (const [value, scene] of Array.from(scenes)) if (scene.stale) scenes.delete(value);
    if (scenes.size < before) emit("change", presence);
  }

  function emit(name: string, detail: unknown) {
    for (const listener of Array.from(listeners.get(name)!)) {
      try {
        listener(detail);
      } catch (error) {
        (typeof reportError === "function" ? reportError : console.error)(error);
      }
    }
  }

  function take(message: any) {
    if (message.type === "error") {
      if (!(refused = message.kind === "invalid")) emit("refused", message); // invalid: the page has no label with the key just now
      return;
    }
    const { type, value } = message, scene = scenes.get(value);
    const told: [string, PresenceMember][] = [];
    const list = (message.members || []).map((m: any) => ({ labels: {}, ...m, value }));
    if (type === "presence") {
      const next: Scene = { members: new Map(list.map((m: PresenceMember) => [m.user, m])), ...counts(message), partial: !!message.partial };
      if (scene && !scene.partial && !next.partial) { // the page has come back: what has happened meanwhile
        for (const m of scene.members.values()) if (!next.members.has(m.user)) told.push(["left", m]);
        for (const m of next.members.values()) if (!scene.members.has(m.user)) told.push(["joined", m]);
      }
      scenes.set(value, next);
    } else if (type === "unwatched") {
      scenes.delete(value);
    } else if (!scene) {
      return;
    } else if (type === "count") {
      Object.assign(scene, counts(message));
    } else {
      for (const m of list) {
        told.push([type, type === "left" ? scene.members.get(m.user) || m : m]);
        if (type === "left") scene.members.delete(m.user);
        else scene.members.set(m.user, m);
      }
      scene.count = scene.members.size;
    }
    for (const [name, member] of told) emit(name, member);
    emit("change", presence);
  }

  const counts = ({ count, anonymous }: any) => ({ count, anonymous });
  const sum = (of: (scene: Scene) => number) => Array.from(scenes.values()).reduce((n, scene) => n + of(scene), 0);

  const presence: Presence = {
    key,
    get members() { return Array.from(scenes.values()).flatMap((scene) => Array.from(scene.members.values())); },
    get count() { return sum((scene) => scene.count); },
    get anonymous() { return sum((scene) => scene.anonymous); },
    get partial() { return Array.from(scenes.values()).some((scene) => scene.partial); },
    on(name, listener) {
      const all = listeners.get(name);
      if (!all) throw new TypeError(`scenecast: presence has no event "${name}"; there are ${NAMES.join(", ")}`);
      all.add(listener);
      return () => void all.delete(listener);
    },
    close() {
      keys.splice(keys.indexOf(key), 1);
      all.delete(key);
      clearTimeout(timer);
      say("unwatch");
      scenes.clear();
    },
  };
  return {
    presence, take, renew,
    watch: () => say("watch"),
    retry: () => { if (refused) { refused = false; say("watch"); } },
  };
}
