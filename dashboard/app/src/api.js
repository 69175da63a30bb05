// The one way to call the server. Addresses are relative to the page's, so that a proxy may put the dashboard below any path.
import { signal } from "@preact/signals";
import { t, tag } from "./words.js";

/** Whether the session has ended while the dashboard was open: then the login dialog is over the screen, and nothing polls. */
export const expired = signal(false);

/** Why a call has failed, as the server's problem document says it (RFC 9457), or, with the status 0, that there was no answer. */
export class Problem extends Error {
  constructor({ kind, detail, where, setting, mistakes }, status) {
    super(detail);
    Object.assign(this, { name: "Problem", kind, detail, where, setting, mistakes, status });
  }
}

/**
 * Calls the API: call("GET", "v1/nodes"). Returns the answer's JSON, and nothing where it has none. Throws a Problem. A session that has
 * ended opens the login dialog; the call was not done, and is not repeated by itself.
 */
export async function call(method, path, body, options) {
  try {
    return await request(method, `api/${path}`, body, options);
  } catch (problem) {
    if (problem.status === 401) expired.value = true;
    throw problem;
  }
}

/** As call, of an address beside the API's, and without the login dialog. */
export async function request(method, path, body, { signal } = {}) {
  let response, text;
  try {
    response = await fetch(new URL(path, document.baseURI), {
      method,
      signal,
      cache: "no-store",
      headers: { "Accept-Language": tag(), ...(body !== undefined && { "Content-Type": "application/json" }) }, // problems are in the language that was chosen
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    text = await response.text();
  } catch (error) {
    throw new Problem({ kind: "unreachable", detail: t(signal?.aborted ? "shell.late" : "shell.unreachable") }, 0);
  }
  const answer = parse(text);
  if (response.ok) return answer;
  if (answer?.kind) throw new Problem(answer, response.status);
  throw new Problem({ kind: "unexpected", detail: t("shell.unexpected", { status: String(response.status) }) }, response.status);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
