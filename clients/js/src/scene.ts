import { CLOSED, failure, type Problem } from "./failure.ts";
import type { Change } from "./labels.ts";

interface PendingSet {
  id: number;
  change: Change;
  done: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

/**
 * The page's labels. Changes that the server has not confirmed stand apart, so that nothing needs to be undone where one is
 * refused.
 */
export interface Scene {
  /** Adds a change; the promise is settled by one of the functions below. */
  add(change: Change): { id: number; done: Promise<void> };
  /** The ids of the unconfirmed changes, in order. */
  pending(): number[];
  /** The labels as they are when these changes are made. */
  with(ids: number[]): Map<string, string[]>;
  /** The message that asks for a change. */
  request(id: number): object;
  confirm(id: number): void;
  /** Rejects the promise. A page that closes need not have waited for it: of the kind CLOSED, it is never unhandled. */
  refuse(id: number, problem: Problem): void;
}

export function createScene(labels: Map<string, string[]>): Scene {
  const sets = new Map<number, PendingSet>();
  let last = 0;

  function take(id: number): PendingSet | undefined {
    const set = sets.get(id);
    sets.delete(id);
    return set;
  }

  return {
    add(change) {
      const id = ++last, set = { id, change } as PendingSet;
      set.done = new Promise((resolve, reject) => Object.assign(set, { resolve, reject }));
      sets.set(id, set);
      return set;
    },
    pending: () => Array.from(sets.keys()),
    with: (ids) => new Map([...labels, ...ids.flatMap((id) => sets.get(id)!.change)]),
    request: (id) => ({ type: "set", id, labels: Object.fromEntries(sets.get(id)!.change) }),
    confirm(id) {
      const set = take(id);
      if (!set) return;
      for (const [key, values] of set.change) labels.set(key, values);
      set.resolve();
    },
    refuse(id, problem) {
      const set = take(id);
      if (!set) return;
      if (problem.kind === CLOSED) set.done.catch(() => {});
      set.reject(failure(problem));
    },
  };
}
