// The push that is being written: kept while one looks at other screens, and filled in by them, as for a test or to send one again.
import { signal } from "@preact/signals";
import { go } from "./route.js";

const blank = { to: "", except: "", message: '{"code": 200, "message": ""}', event: "", ttl: "", retain: "", coalesce: "", receipt: "acked" };

/** The fields of the form, each a text. to and except are audiences as text, message is JSON. */
export const draft = signal(blank);

/** Shows the screen Push with these fields, and all others empty. Nothing is sent. */
export function compose(fields) {
  draft.value = { ...blank, ...fields };
  go("push");
}

/** The body of POST v1/push. The message must be JSON. Fields that are empty are left out. */
export function bodyOf({ message, ...texts }) {
  const body = Object.fromEntries(Object.entries(texts).filter(([, text]) => text.trim()).map(([key, text]) => [key, text.trim()]));
  if (message.trim()) body.message = JSON.parse(message);
  if (body.receipt === "queued") delete body.receipt; // which is what a push without one gets
  return body;
}
