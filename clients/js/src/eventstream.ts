import { LOST, NO_EVENT_STREAM, YIELDED } from "./codes.ts";
import { words } from "./failure.ts";
import { acquireSlot } from "./slots.ts";
import { createParser } from "./sse.ts";
import type { Handlers, Transport } from "./transport.ts";

const PATH = /^ws(.+\/)connect(?=\?|$)/;

/** Whether the server that has WebSocket at an address is known to have event streams, and this browser can read them. */
export const canStream = (address: string): boolean => PATH.test(address) && typeof ReadableStream === "function";

/**
 * Opens the event stream that belongs to the address of a WebSocket. It is fetch, not EventSource, which hands out only
 * events whose names are known beforehand, tells no status, and reconnects when it likes.
 */
export function openEventStream(address: string, handlers: Handlers): Transport {
  const abort = new AbortController(), to = address.replace(PATH, "http$1events");
  const slot = acquireSlot(new URL(to).host, () => handlers.closed(YIELDED, "yielded to the event streams of pages that were shown later"));
  const feed = createParser((event, data, id) => handlers.message(
    event === "scenecast" ? JSON.parse(data) : { type: "push", position: id, event: event || undefined, data: JSON.parse(data) },
  ));

  async function read(): Promise<[code: number, reason: string]> {
    const answer = await fetch(to, { signal: abort.signal, cache: "no-store" });
    const { status } = answer, type = answer.headers.get("content-type") || "";
    // Whatever stands before the server may refuse too; only a problem document is the server's word.
    if (type.startsWith("application/problem+json")) return [4000 + status, words(await answer.json())];
    if (status !== 200 || !type.startsWith("text/event-stream")) return [status < 500 ? NO_EVENT_STREAM : LOST, `HTTP ${status}`];
    handlers.opened();
    const reader = answer.body!.getReader();
    for (const decoder = new TextDecoder(); ;) {
      const { done, value } = await reader.read();
      if (done) return [LOST, ""];
      handlers.alive();
      feed(decoder.decode(value, { stream: true }));
    }
  }

  read().catch((error): [number, string] => [LOST, String(error)]).then(([code, reason]) => handlers.closed(code, reason));
  return {
    shown: () => slot?.renew(),
    close() {
      abort.abort();
      slot?.release();
    },
  };
}
