// What the page asks of its backend: a part of its own, loaded only by pages that use it.
import type { CallProblem, PresenceClient } from "./types.ts";

/** A call that has not been answered. */
interface Call { id: string; method: string; data: unknown; resolve(answer: any): void; reject(why: CallProblem): void }

/** The calls of one client. */
interface Calls { add(call: Call): void }

const byClient = new WeakMap<object, Calls>();
const MOST = 8; // under way; the server takes no more of one page
let count = 0;

/**
 * Asks the backend, which answers by its call hook. Rejects with a CallProblem: what the backend has said, or why there is no answer. Up to 8
 * calls are under way, others wait for their turn, and for the connection.
 */
export function call(client: PresenceClient, method: string, data?: unknown): Promise<any> {
  let calls = byClient.get(client);
  if (!calls) byClient.set(client, calls = create(client));
  return new Promise((resolve, reject) => calls.add({ id: `call ${++count}`, method, data, resolve, reject }));
}

const problem = (kind: string, detail: string): CallProblem => Object.assign(new Error(detail), { kind, detail });

function create(client: PresenceClient): Calls {
  const underWay = new Map<string, Call>();
  let waiting: Call[] = [];

  const send = client.plug((message: any) => {
    const call = underWay.get(message.id);
    if (!call || message.type !== "result" && message.type !== "error") return;
    underWay.delete(message.id);
    if (message.type === "result") call.resolve(message.data);
    else call.reject(Object.assign(problem(message.kind, message.detail), message.setting && { setting: message.setting }));
    sendWaiting();
  });

  function sendWaiting() {
    while (client.id !== null && waiting.length && underWay.size < MOST) {
      const call = waiting.shift()!, { id, method, data } = call;
      try {
        send({ type: "call", id, method, data });
        underWay.set(id, call);
      } catch (error) { // an event stream, over which a page cannot ask; or data that is no JSON
        call.reject(problem("invalid", String(error)));
      }
    }
  }

  client.on("welcome", sendWaiting);
  client.on("state", (state) => {
    if (state === "open") return;
    const lost = Array.from(underWay.values());
    underWay.clear();
    for (const call of lost) call.reject(problem("uncertain", "the connection was lost; the backend may have got the call"));
    if (state !== "closed") return;
    const never = waiting;
    waiting = [];
    for (const call of never) call.reject(problem("unavailable", "the page is not connected"));
  });
  return {
    add(call) {
      const length = new TextEncoder().encode(call.method).length; // the server closes a page that sends another one
      if (length < 1 || length > 128) return call.reject(problem("invalid", "a method has 1 to 128 bytes"));
      if (client.state === "closed" || client.state === "idle") return call.reject(problem("unavailable", "the page is not connected"));
      waiting.push(call);
      sendWaiting();
    },
  };
}
