// Calls of the backend, against the real server, bin/scenecast, and a real HTTP server that is the backend.
import { createServer, type Server as Backend } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { call } from "../src/index.ts";
import { assert, Page, Server, until } from "./real.ts";

let most = 0, underWay = 0;
let release: (() => void)[] = [];

/** Answers by the method: what it got, a refusal, or nothing until it is released. */
const backend: Backend = createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  const { method, data, labels } = JSON.parse(body).data;
  most = Math.max(most, ++underWay);
  if (method === "slow") await new Promise<void>((resolve) => { release.push(resolve); });
  underWay--;
  if (method === "refuse") response.writeHead(403, { "Content-Type": "application/json" }).end('{"reason":"sign in first"}');
  else response.end(JSON.stringify({ method, data, page: labels.page }));
});
await new Promise<void>((resolve) => { backend.listen(0, "127.0.0.1", resolve); });
after(() => { backend.closeAllConnections(); backend.close(); });

const settings = (url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/`) => ({
  SCENECAST_APPS: JSON.stringify({ shop: { client_tokens: ["A"], hooks: { call: { url, timeout: "20s" } } } }),
});

const page = (server: Server) => new Page({ url: server.url, token: "A", labels: { page: "order" } }).welcome();
const why = (calling: Promise<unknown>) => calling.then((answer) => ({ answer }), ({ kind, detail, setting }) => ({ kind, detail, setting }));

test("the backend's answer, and its refusal", async () => {
  const { client } = await page(await Server.start(undefined, settings()));
  assert.deepEqual(await call(client, "stock", { product: 7 }), { method: "stock", data: { product: 7 }, page: "order" });
  assert.deepEqual(await call(client, "stock"), { method: "stock", page: "order" });
  assert.deepEqual(await why(call(client, "refuse")), { kind: "forbidden", detail: "sign in first", setting: undefined });
  assert.equal((await why(call(client, "")) as any).kind, "invalid");
  client.close();
  assert.equal((await why(call(client, "stock")) as any).kind, "unavailable");
});

test("eight calls are under way, and the others wait", async () => {
  const { client } = await page(await Server.start(undefined, settings()));
  most = 0;
  const calls = Array.from({ length: 20 }, (_, i) => call(client, "slow", i));
  await until("eight are there", () => release.length === 8);
  const free = setInterval(() => { for (const next of release.splice(0)) next(); }, 20);
  assert.deepEqual((await Promise.all(calls)).map(({ data }) => data), Array.from({ length: 20 }, (_, i) => i));
  clearInterval(free);
  assert.equal(most, 8);
});

test("a call that is under way when the connection is lost is not known to be done, and one that waits is made then", async () => {
  const server = await Server.start(undefined, settings()), there = await page(server), { client } = there;
  const calls = Array.from({ length: 9 }, (_, i) => why(call(client, i < 8 ? "slow" : "stock", i)));
  await until("eight are there", () => release.length === 8);
  await there.cut();
  for (const next of release.splice(0)) next();
  const told = await Promise.all(calls) as any[];
  assert.deepEqual(told.slice(0, 8).map(({ kind }) => kind), Array(8).fill("uncertain"));
  assert.deepEqual(told[8], { answer: { method: "stock", data: 8, page: "order" } });
});

test("without a backend", async () => {
  const { client } = await page(await Server.start(undefined, { SCENECAST_APPS: '{"shop":{"client_tokens":["A"]}}' }));
  assert.deepEqual(await why(call(client, "stock")), { kind: "not_found", detail: "there is nothing to call here", setting: "hooks.call" });
});
