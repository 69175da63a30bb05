// For tests over real sockets and in real time, which wait for what happens and assert nothing about how long it takes.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterEach } from "node:test";
import { createClient, type Client, type Meta, type Options } from "../src/index.ts";
import WebSocket from "ws";
import { reserve } from "./port.ts";

const { random } = Math; // which makes the page's ID where there is no crypto
console.error = () => {}; // refusals are reported there

const NOWHERE = "ws://127.0.0.1:1/"; // where nobody listens
const PATIENCE = 60000; // ends what would hang

/** Waits until something is so. */
export async function until(what: string, so: () => boolean): Promise<void> {
  for (const start = Date.now(); !so();) {
    if (Date.now() - start > PATIENCE) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const running: { end(): void }[] = []; // what a test has started

afterEach(() => {
  for (const one of running.splice(0)) one.end();
});

/** A client that writes down what it gets. It ends with the test. */
export class Page {
  readonly client: Client = createClient();
  readonly shown: unknown[] = [];
  readonly metas: Meta[] = [];
  readonly log: string[] = [];
  readonly opened: WebSocket[] = [];
  welcomes = 0;

  /** `blocked` is whether WebSocket does not get through. */
  constructor(options: Options, public blocked = false) {
    const { client, log, opened } = this, address = (real: string) => this.blocked ? NOWHERE : real;
    client.on("message", (data, meta) => {
      this.shown.push(data);
      this.metas.push(meta);
    });
    client.on("welcome", () => this.welcomes++);
    client.on("gap", ({ reason, position }) => log.push(`gap ${reason} ${position}`));
    client.on("close", ({ code }) => log.push(`close ${code}`));
    client.on("refused", ({ code, reason }) => log.push(`refused ${code} ${reason}`));
    running.push({ end: () => client.close() });
    Math.random = random;
    client.connect({
      WebSocket: class extends WebSocket {
        constructor(to: string, subprotocol: string) {
          super(address(to), subprotocol);
          opened.push(this);
        }
      },
      ...options,
    });
    Math.random = () => 0.01; // next to no backoff
  }

  /** Waits for the nth welcome. */
  async welcome(n = 1): Promise<this> {
    await until(`welcome ${n}; ${this.log}`, () => this.welcomes >= n);
    return this;
  }

  async expect(...shown: unknown[]): Promise<void> {
    await until(`${JSON.stringify(shown)} is shown, not ${JSON.stringify(this.shown)}; ${this.log}`, () => this.shown.length >= shown.length);
    assert.deepEqual(this.shown, shown);
  }

  /** Loses the connection without a word; `blocked` keeps it lost until it is false again. */
  async cut(): Promise<void> {
    this.opened[this.opened.length - 1].terminate();
    await until("it is noticed", () => this.client.id === null);
  }
}

const BINARY = "../../bin/scenecast";

/** The real server. It ends with the test. */
export class Server {
  #process: ChildProcess;
  private constructor(process: ChildProcess, readonly address: string) {
    this.#process = process;
    running.push({ end: () => process.kill("SIGKILL") });
  }

  /** Starts it, on a port of its own or, so that pages find it again, on that of one that has ended in the same test. */
  static async start(address?: string, settings: Record<string, string> = {}): Promise<Server> {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: run \`make build\``);
    if (!address) {
      const port = await reserve();
      running.push({ end: () => port.release() });
      address = port.address;
    }
    const flags = ["serve", "--listen", address, "--client-token", "T", "--api-key", "key-of-the-tests", "--log-format", "json"];
    const child = spawn(BINARY, flags, { env: { ...process.env, ...settings }, stdio: ["ignore", "pipe", "pipe"] });
    const said: string[] = [];
    const listening = new Promise<string>((resolve, reject) => {
      for (const output of [child.stdout, child.stderr]) {
        createInterface(output).on("line", (line) => {
          said.push(line);
          const found = /127\.0\.0\.1:\d+/.exec(line);
          if (found && !found[0].endsWith(":0")) resolve(found[0]);
        });
      }
      child.on("exit", (code) => reject(new Error(`the server has ended with ${code}: ${said.join("\n")}`)));
    });
    return new Server(child, await listening);
  }

  get url(): string { return `ws://${this.address}/v1/connect`; }

  async call(path: string, body: object): Promise<any> {
    const answer = await fetch(`http://${this.address}${path}`, {
      method: "POST",
      headers: { authorization: "Bearer key-of-the-tests", "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const result = await answer.json();
    assert.ok(answer.ok, JSON.stringify(result));
    return result;
  }

  push(to: object | string, message: unknown, more: object = {}): Promise<any> {
    return this.call("/v1/push", { to, message, ...more });
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#process.on("exit", resolve));
    this.#process.kill("SIGTERM");
    await ended;
  }
}

export { assert, WebSocket };
