import { report } from "./failure.ts";
import type { Client, Events } from "./types.ts";

const NAMES = ["message", "open", "welcome", "gap", "close", "refused", "state"];

type Listener = (...details: any[]) => unknown;

interface Emitter extends Pick<Client, "on" | "off"> {
  /** Calls the listeners, and returns what they return. None of them can stop the others. */
  emit<Name extends keyof Events>(name: Name, ...details: Parameters<Events[Name]>): unknown[];
}

export function createEmitter(): Emitter {
  const listeners = new Map(NAMES.map((name) => [name, new Set<Listener>()]));

  function listenersOf(name: string): Set<Listener> {
    const all = listeners.get(name);
    if (all) return all;
    throw new TypeError(`scenecast: no event "${name}"; there are ${NAMES.join(", ")}`);
  }

  return {
    on(name, listener) {
      const all = listenersOf(name);
      if (typeof listener !== "function") throw new TypeError(`scenecast: the listener for "${name}" is not a function`);
      all.add(listener);
      return () => void all.delete(listener);
    },
    off: (name, listener) => void listenersOf(name).delete(listener),
    emit: (name, ...details) => Array.from(listenersOf(name), (listener) => {
      try {
        return listener(...details);
      } catch (error) {
        return report(error);
      }
    }),
  };
}
