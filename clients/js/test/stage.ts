// A server that does only what a test tells it to, one step at a time, and a client that writes down its events.
import assert from "node:assert/strict";
import { createClient, type Client, type Options } from "../src/index.ts";
import { delays, pass, settle } from "./clock.ts";

const { random } = Math; // which makes the page's ID where there is no crypto
Math.random = () => 1; // the longest wait
console.error = () => {}; // refusals are reported there

export { delays, pass, settle } from "./clock.ts";

/** The server's end of one WebSocket. */
export class Socket {
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: unknown) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  sent: object[] = [];
  closed: number | undefined; // with this code, by the client
  readonly url: URL;

  constructor(address: string, readonly subprotocol: string) {
    this.url = new URL(address);
    sockets.push(this);
  }

  send(text: string) { this.sent.push(JSON.parse(text)); }
  close(code?: number) { this.closed = code; }

  /** The parameters, but for the token and the page's id. */
  get params(): string {
    const params = new URLSearchParams(this.url.search);
    for (const name of ["token", "page_id"]) params.delete(name);
    return String(params);
  }
  get token() { return this.url.searchParams.get("token"); }
  get pageID() { return this.url.searchParams.get("page_id"); }

  async open() { this.onopen!({}); await settle(); return this; }
  async receive(...messages: object[]) {
    for (const message of messages) this.onmessage!({ data: JSON.stringify(message) });
    await settle();
    return this;
  }
  async welcome(position?: string) { return (await this.open()).receive({ type: "welcome", id: "1.1", position }); }
  async lose(code = 1006, reason = "because") { this.onclose!({ code, reason }); await settle(); }
}

export const sockets: Socket[] = [];
export const socket = (): Socket => sockets[sockets.length - 1];

export const push = (position: string, data: unknown, more: object = {}) => ({ type: "push", position, data, ...more });

/** The server's end of one event stream. */
export class Stream {
  #answer!: (response: Response) => void;
  #fail!: (error: unknown) => void;
  #body!: ReadableStreamDefaultController<Uint8Array>;
  aborted = false;
  readonly response: Promise<Response>;
  readonly url: URL;

  constructor(address: string, signal: AbortSignal) {
    this.url = new URL(address);
    this.response = new Promise((resolve, reject) => { this.#answer = resolve; this.#fail = reject; });
    signal.addEventListener("abort", () => {
      this.aborted = true;
      this.#fail(signal.reason);
      try { this.#body?.error(signal.reason); } catch { /* it has ended */ }
    });
    streams.push(this);
  }

  get params(): string {
    const params = new URLSearchParams(this.url.search);
    for (const name of ["token", "page_id"]) params.delete(name);
    return String(params);
  }

  async begin() {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => { this.#body = controller; } });
    this.#answer(new Response(body, { headers: { "content-type": "text/event-stream" } }));
    await settle();
    return this;
  }
  async write(text: string | Uint8Array) {
    this.#body.enqueue(typeof text === "string" ? new TextEncoder().encode(text) : text);
    await settle();
    return this;
  }
  async tell(message: object) { return this.write(`event: scenecast\ndata: ${JSON.stringify(message)}\n\n`); }
  async welcome(position?: string) { return (await this.begin()).tell({ type: "welcome", id: "2.2", position }); }
  async refuse(status: number, problem?: object) {
    const type = problem ? "application/problem+json" : "text/html";
    this.#answer(new Response(JSON.stringify(problem ?? "no"), { status, headers: { "content-type": type } }));
    await settle();
  }
  async end() { this.#body.close(); await settle(); }
  async fail() { this.#fail(new TypeError("fetch failed")); await settle(); }
}

export const streams: Stream[] = [];
export const stream = (): Stream => streams[streams.length - 1];

globalThis.fetch = ((address: string, { signal }: { signal: AbortSignal }) => new Stream(address, signal).response) as typeof fetch;

let started: Client | undefined;

/** A client with the log of its events, as `name` or `name detail`. The one before it is closed. */
export function start(options: Partial<Options> = {}): { client: Client; log: string[]; shown: unknown[] } {
  started?.close();
  sockets.length = streams.length = 0;
  const client = started = createClient(), log: string[] = [], shown: unknown[] = [];
  client.on("open", () => log.push("open"));
  client.on("welcome", ({ id }) => log.push(`welcome ${id}`));
  client.on("state", (state) => log.push(`state ${state}`));
  client.on("close", ({ code }) => log.push(`close ${code}`));
  client.on("refused", ({ code }) => log.push(`refused ${code}`));
  client.on("gap", ({ reason, position, dropped }) => log.push(`gap ${reason} ${position ?? dropped}`));
  client.on("message", (data) => shown.push(data));
  Math.random = random;
  try {
    client.connect({ url: "ws://host/v1/connect", token: "t", WebSocket: Socket, ...options });
  } finally {
    Math.random = () => 1;
  }
  return { client, log, shown };
}

/** Waits for the next attempt, and returns its socket. */
export async function again(): Promise<Socket> {
  await pass(delays()[0]);
  return socket();
}

/** A promise whose end is looked at later. */
export function later<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** How a promise has ended by now. */
export async function outcome(promise: Promise<unknown>): Promise<string> {
  const pending = settle().then(() => "pending");
  return Promise.race([promise.then(() => "done", (error) => `${error.name} ${error.kind ?? ""}: ${error.message}`), pending]);
}

export { assert };
