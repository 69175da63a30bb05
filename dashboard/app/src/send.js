// Sends a push, once, and follows its receipt.
import { signal } from "@preact/signals";
import { call } from "./api.js";

const EVERY = 500; // ms: how often it is asked what has come in
const RECEIPT_TIMEOUT = "30s"; // the longest that the server has by default

/** The push that was sent last: {id, body, answer, done}. answer has what has come in so far; done says that no more is waited for. */
export const sent = signal(null);

let attempt = { body: "", id: "" };

/** The push's ID: the same one for the same body until that is known to be sent, so that a second try cannot send it twice. */
function attemptID(body) {
  const text = JSON.stringify(body);
  if (attempt.body !== text) {
    const random = crypto.getRandomValues(new Uint8Array(16)); // randomUUID needs HTTPS
    attempt = { body: text, id: `dashboard-${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}` };
  }
  return attempt.id;
}

/**
 * Sends the body of a push. It returns as soon as the server has taken it; `sent` is filled in as its receipt comes in. Throws a Problem: then
 * it was not sent, or, where the problem's kind is "uncertain" or "unreachable", nobody knows, and sending the same again is safe.
 */
export async function send(body) {
  const id = attemptID(body);
  let settled = false;
  const tell = (answer, done) => {
    if (done || !settled) sent.value = { id, body, answer, done };
    if (attempt.id === id) attempt = { body: "", id: "" };
  };
  const posted = call("POST", "v1/push", { ...body, id, ...(body.receipt && { timeout: RECEIPT_TIMEOUT }) })
    .then((answer) => tell(answer, true))
    .finally(() => (settled = true));
  if (!body.receipt) return posted;
  const taken = new Promise((resolve) => {
    const ask = async () => {
      if (settled) return;
      try {
        const { tally } = await call("GET", `v1/pushes/${id}`);
        if (!settled) tell(tally, false);
        resolve();
      } catch {
        // It is not there yet, or this key may not look: the answer to the push says it, later.
      }
      setTimeout(ask, EVERY);
    };
    setTimeout(ask, EVERY);
  });
  posted.catch(() => { sent.value = sent.peek()?.id === id ? { ...sent.peek(), done: true } : sent.peek(); });
  return Promise.race([posted, taken]);
}
