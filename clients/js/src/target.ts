import { canStream, openEventStream } from "./eventstream.ts";
import { changeOf, RESERVED } from "./labels.ts";
import { createResume, type Resume } from "./resume.ts";
import { createRoute, type Route } from "./route.ts";
import { createScene, type Scene } from "./scene.ts";
import { sessionStore } from "./store.ts";
import type { Handlers, Transport } from "./transport.ts";
import type { Options, Token } from "./types.ts";
import { openWebSocket } from "./websocket.ts";

/** One attempt to connect: the way, and what goes along in the address besides the labels. */
export interface Attempt {
  streams: boolean; // it is an event stream
  carried: number[]; // the unconfirmed changes of labels
  since: string; // the position, or nothing
}

/** What the page wants to be connected to, and as what: all that stays while connections come and go. */
export interface Target {
  /** Equal for targets that differ in their labels only. */
  readonly key: string;
  readonly token: Token;
  readonly manual: boolean; // acknowledgements are the page's
  readonly scene: Scene;
  readonly resume: Resume;
  readonly route: Route;
  carries: boolean; // whether the unconfirmed changes of labels are in the address
  resumes: boolean; // whether the server knows what `since` and `page_id` are
  refreshed: boolean; // whether the token that the server refused was asked for again
  acks: string[]; // the positions that there was no connection for
  /** What is to be tried next. */
  attempt(): Attempt;
  /** Opens a connection; a mistake in the address throws. */
  open(token: string, attempt: Attempt, handlers: Handlers, watched?: string[]): Transport;
}

/** Checks the options of connect; `beside` is where to connect by default, if the script knows where it is from. */
export function targetOf(options: Options, beside?: string): Target {
  const { token } = options;
  if (typeof token !== "function") checkToken(token);
  for (const [name, only] of [["ack", "manual"], ["store", "session"]] as const) {
    if (options[name] != null && options[name] !== only) throw new TypeError(`scenecast: ${name} can only be "${only}"`);
  }
  const Class = options.WebSocket ?? globalThis.WebSocket;
  const { address, labels } = split(options, beside);
  const streamable = canStream(address);
  if (!SCRIPT_TAG && !Class && !streamable) throw new TypeError("scenecast: there is no WebSocket here; give one as the option WebSocket");

  const scene = createScene(labels);
  const route = createRoute(!!Class, streamable);
  const resume = createResume(options.store && sessionStore(addressWith(address, labels)));
  return {
    key: JSON.stringify([address, token, options.ack, options.store]),
    token, scene, route, resume,
    manual: !!options.ack, carries: true, resumes: true, refreshed: false, acks: [],
    attempt() {
      return { streams: route.streams, carried: this.carries ? scene.pending() : [], since: this.resumes ? resume.since : "" };
    },
    open(token, { streams, carried, since }, handlers, watch) {
      const all = scene.with(carried);
      streams && watch && all.set("watch", watch); // which is no label there
      const connectParams = { token, ...this.resumes && { page_id: resume.pageID, ...since && { since } } };
      const full = addressWith(address, all, connectParams);
      return streams ? openEventStream(full, handlers) : openWebSocket(Class, full, handlers);
    },
  };
}

/** A token, or an error. */
export function checkToken(token: unknown): string {
  if (typeof token === "string" && token !== "") return token;
  throw new TypeError("scenecast: token must be a non-empty string");
}

/** The address without its parameters, which are labels as any others. */
function split({ url, labels }: Options, beside = "/v1/connect"): { address: string; labels: Map<string, string[]> } {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  if (!SCRIPT_TAG && !url && !base) throw new TypeError("scenecast: url must be given here");
  const to = new URL(url || beside, base);
  to.protocol = to.protocol.replace("http", "ws");
  if (!/^wss?:$/.test(to.protocol)) throw new SyntaxError(`scenecast: ${to.protocol} is no protocol for pushes`);
  to.hash = ""; // WebSocket refuses one
  const known = new Map(changeOf(labels || {}));
  for (const [key, value] of Array.from(to.searchParams)) {
    if (!RESERVED.includes(key)) known.set(key, (known.get(key) || []).concat(value));
  }
  to.search = "";
  return { address: to.href, labels: known };
}

function addressWith(address: string, labels: Map<string, string[]>, connectParams: Record<string, string> = {}): string {
  const to = new URL(address);
  for (const [key, values] of labels) {
    for (const value of values) to.searchParams.append(key, value);
  }
  for (const key in connectParams) to.searchParams.set(key, connectParams[key]);
  return to.href;
}
