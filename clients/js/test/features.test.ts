// Against the real server, each as soon as the server can do it: a feature that is not in this list is not tested.
import { test } from "node:test";
import type { Options } from "../src/index.ts";
import { assert, Page, Server, until } from "./real.ts";

type Feature = "resume" | "gap" | "except" | "ack" | "ttl" | "retain" | "events";

const SERVER_HAS: Feature[] = ["resume", "gap", "except", "ack", "ttl", "retain", "events"];

function feature(name: Feature, promise: string, run: (server: Server) => Promise<void>) {
  if (!SERVER_HAS.includes(name)) return;
  test(`${name}: ${promise}`, async () => run(await Server.start()));
}

const home = { page: "home" };
const open = (server: Server, options: Partial<Options> = {}, blocked = false) =>
  new Page({ url: server.url, token: "T", labels: home, ...options }, blocked);
const openByStream = (server: Server, options: Partial<Options> = {}) => open(server, options, true);
const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

feature("resume", "what was pushed meanwhile is shown, once, in order, and only what is for this page", async (server) => {
  const page = await open(server).welcome();
  await server.push(home, "before");
  await page.expect("before");
  page.blocked = true;
  await page.cut();
  for (const n of numbers(20)) {
    await server.push(home, n);
    await server.push({ page: "list" }, "not for this page");
  }
  page.blocked = false;
  await page.welcome(2);
  await server.push(home, "after");
  await page.expect("before", ...numbers(20), "after");
  assert.ok(page.metas.every(({ late }) => !late));
  assert.deepEqual(page.log.filter((line) => line.startsWith("gap")), []);
});

feature("resume", "from the welcome on, before any push has come", async (server) => {
  await server.push("*", "older");
  const page = await open(server).welcome();
  page.blocked = true;
  await page.cut();
  await server.push(home, "missed");
  page.blocked = false;
  await page.expect("missed");
});

feature("resume", "pushes go on while pages are cut, again and again", async (server) => {
  const page = await open(server).welcome();
  for (const n of numbers(200)) {
    if (n % 20 === 10) await page.cut();
    await server.push(home, n);
  }
  await page.expect(...numbers(200));
});

feature("gap", "a server that has begun another log says so, and the page goes on in that", async (server) => {
  const page = await open(server).welcome();
  await server.push(home, 1);
  await page.expect(1);
  await server.stop();
  const next = await Server.start(server.address);
  await page.welcome(2);
  await until("the gap is told", () => page.log.some((line) => line.startsWith("gap epoch")));
  await next.push(home, 2);
  await page.expect(1, 2);
});

feature("except", "who was left out is still left out when it comes back", async (server) => {
  const page = await open(server).welcome(), other = await open(server).welcome();
  await server.push(home, "both");
  await page.expect("both");
  const itself = { except: { "@page": page.client.pageID } };
  await server.push(home, "from the page itself", itself);
  page.blocked = other.blocked = true;
  await page.cut();
  await other.cut();
  await server.push(home, "from it again", itself);
  await server.push(home, "to both");
  page.blocked = other.blocked = false;
  await page.expect("both", "to both");
  await other.expect("both", "from the page itself", "from it again", "to both");
});

feature("ack", "the backend learns that the page has it", async (server) => {
  const page = await open(server).welcome();
  const receipt = { receipt: "acked", timeout: "10s" };
  assert.equal((await server.push(home, 1, receipt)).acked, 1);

  let settle: (() => void) | undefined;
  page.client.on("message", (data) => data === 2 ? new Promise<void>((resolve) => { settle = resolve; }) : undefined);
  let told = false;
  const slow = server.push(home, 2, receipt).then((result) => {
    told = true;
    return result;
  });
  await page.expect(1, 2);
  await server.push(home, "in between");
  await until("it has come", () => page.shown.length === 3);
  assert.equal(told, false);
  settle!();
  assert.equal((await slow).acked, 1);
});

feature("ack", "by hand, when the page says so", async (server) => {
  const page = await open(server, { ack: "manual" }).welcome();
  const pushed = server.push(home, 1, { receipt: "acked", timeout: "10s" });
  await page.expect(1);
  page.metas[0].ack();
  assert.equal((await pushed).acked, 1);
  const result = await server.push(home, 2, { receipt: "acked", timeout: "200ms" });
  assert.deepEqual([result.acked, result.timed_out], [0, 1]);
});

feature("ttl", "a page that opens, or moves into the audience, gets it once, as late", async (server) => {
  await server.push(home, "kept", { ttl: "1m" });
  await server.push(home, "not kept");
  const page = await open(server).welcome();
  await page.expect("kept");
  const moving = await open(server, { labels: { page: "list" } }).welcome();
  await moving.client.set(home);
  await moving.expect("kept");
  assert.deepEqual([page.metas[0].late, moving.metas[0].late], [true, true]);
  await moving.client.set({ page: "list" });
  await moving.client.set(home);
  await page.cut();
  await page.welcome(2);
  await server.push(home, "sentinel");
  await page.expect("kept", "sentinel");
  await moving.expect("kept", "sentinel");
});

feature("retain", "a page that opens gets the newest of each key", async (server) => {
  for (const n of numbers(3)) await server.push(home, `price ${n}`, { retain: "price", ttl: "1m" });
  await server.push(home, "stock", { retain: "stock", ttl: "1m" });
  const page = await open(server).welcome();
  await page.expect("price 2", "stock");
  await server.push(home, "price 3", { retain: "price", ttl: "1m" });
  await page.expect("price 2", "stock", "price 3");
});

feature("events", "where WebSocket does not get through, pushes come, in order and once, over streams that end", async (server) => {
  const page = await openByStream(server).welcome();
  await server.push(home, { text: "line\nline\r\n: data: x\r" }, { event: "odd: name" });
  await page.expect({ text: "line\nline\r\n: data: x\r" });
  assert.deepEqual(page.metas.map(({ event, late }) => [event, late]), [["odd: name", false]]);
  assert.match(page.metas[0].position!, /^[0-9a-z]+-[0-9]+$/);
  assert.match(page.client.id!, /^\d+\.\d+$/);

  // Each set opens another stream.
  await page.client.set({ page: "list" });
  await server.push(home, "old scene");
  await server.push({ page: "list" }, "new scene");
  await until("it has come", () => page.shown.length === 2);
  assert.equal(page.shown[1], "new scene");
});

feature("events", "a stream resumes where it ended, and where WebSocket did", async (server) => {
  const page = await openByStream(server).welcome();
  await server.push(home, 1);
  await page.expect(1);
  await page.client.set({ tag: "x" });
  const moved = Promise.all(numbers(20).map((n) => server.push(home, n + 2)));
  await page.client.set({ tag: "y" });
  await moved;
  await server.push(home, "sentinel");
  await until("all has come", () => page.shown.includes("sentinel"));
  assert.equal(page.shown.length, 22);
  assert.deepEqual([...page.shown.slice(1, 21)].sort((a: any, b: any) => a - b), numbers(20).map((n) => n + 2));
});

feature("events", "a late push says so", async (server) => {
  await server.push(home, "kept", { ttl: "1m", event: "named" });
  const page = openByStream(server);
  await page.expect("kept");
  assert.deepEqual(page.metas.map(({ event, late }) => [event, late]), [["named", true]]);
});

feature("events", "who may not come in is refused", async (server) => {
  const page = openByStream(server, { token: "wrong" });
  await until("it is refused", () => page.client.state === "closed");
  assert.match(page.log[page.log.length - 1], /^refused 4401 token: the page's token is missing or wrong/);
});

feature("events", "a server that goes away says so", async (server) => {
  const page = await openByStream(server).welcome();
  await server.stop();
  await until("it is told", () => page.log.includes("close 4503"));
});
