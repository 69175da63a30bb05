import { createMemory, isPast } from "./position.ts";
import type { Store } from "./store.ts";

const REMEMBERED = 1000;

/**
 * What the page has been shown: where to go on after the connection was lost, and what not to show again.
 *
 * There are two positions, because listeners may take their time. `since` is that of the last push that was handed to
 * them: while the page lives, it need not come again. The stored one is that of the last push that they are done with, and
 * all before it too: what the page had not finished when it was left comes again.
 *
 * The page's ID is in the store only while the page is not connected. Browsers copy sessionStorage into a duplicated tab,
 * and two live pages with one ID would be one page to the server.
 */
export interface Resume {
  readonly pageID: string;
  readonly since: string;
  /** Takes the ID out of the store, for as long as the page lives. */
  acquire(): void;
  /** Puts the ID back into the store, for the page that comes after this one. */
  release(): void;
  /** Whether a push is to be shown. From now on it counts as shown. */
  take(position: string | undefined, late: boolean): boolean;
  /** What the listeners return for the push that was taken last. */
  handled(done: Promise<unknown>): void;
  /** The page has missed nothing up to here. */
  reached(position?: string): void;
  /** Nothing before this position is to be had any more. */
  restart(position?: string): void;
}

export function createResume(store?: Store): Resume {
  let [since, pageID] = store ? store.load() : ["", ""];
  pageID = pageID || newPageID();
  let acquired = false;
  let finished = since; // the position that is stored
  let stored: Promise<unknown> = Promise.resolve();
  // A push that came late may come again in its order, and the other way round; `since` tells nothing about that.
  const shown = createMemory(REMEMBERED), shownLate = createMemory(REMEMBERED);

  const write = () => store?.save(finished, acquired ? "" : pageID);

  function save(done?: Promise<unknown>) {
    const position = since;
    if (store) stored = stored.then(() => done).then(() => {
      finished = position;
      if (acquired || store.load()[1] === pageID) write(); // otherwise the next page has the ID, and a position of its own
    });
  }

  function restart(position?: string) {
    if (!position) return;
    since = position;
    save();
  }

  return {
    pageID,
    get since() { return since; },
    acquire() {
      acquired = true;
      write();
    },
    release() {
      if (!acquired) return;
      acquired = false;
      write();
    },
    take(position, late) {
      if (!position) return true;
      const again = shown.has(position) || shownLate.has(position);
      (late ? shownLate : shown).add(position);
      if (late) return !again;
      if (isPast(position, since)) return false;
      since = position;
      return !again;
    },
    handled: save,
    reached: (position) => {
      if (position && !isPast(position, since)) restart(position);
    },
    restart,
  };
}

/** Hexadecimal, 22 characters. Not crypto.randomUUID, which pages have over HTTPS only; Node 18 has no global crypto at all. */
function newPageID(): string {
  const bytes = new Uint8Array(11);
  if (SCRIPT_TAG || globalThis.crypto) crypto.getRandomValues(bytes);
  else for (const i of bytes.keys()) bytes[i] = Math.random() * 256;
  return Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join("");
}
