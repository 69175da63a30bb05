import { test } from "node:test";
import { createClient } from "../src/index.ts";
import { again, assert, push, settle, socket, start, Socket } from "./stage.ts";

const acks = (positions: string[]) => positions.map((position) => ({ type: "ack", position }));

test("a push is acknowledged where the server asks for it, after all listeners", async () => {
  const { client, shown } = start();
  await socket().welcome();
  client.on("message", () => assert.deepEqual(socket().sent, []));
  await socket().receive(push("a-1", 1));
  assert.deepEqual(socket().sent, []);
  await socket().receive(push("a-2", 2, { ack: true }));
  assert.deepEqual([socket().sent, shown], [acks(["a-2"]), [1, 2]]);
  client.close();
});

test("where nobody listens, nothing is acknowledged", async () => {
  start().client.close();
  const client = createClient();
  client.connect({ url: "ws://host/v1/connect", token: "t", WebSocket: Socket });
  await (await socket().welcome()).receive(push("a-1", 1, { ack: true }));
  assert.deepEqual(socket().sent, []);
  client.close();
});

test("a promise of a listener is waited for, whatever becomes of it, and so is a listener that throws", async () => {
  const { client } = start();
  const reported: unknown[] = [];
  console.error = (error: unknown) => reported.push(error);
  const ends: Record<string, [resolve: () => void, reject: (error: unknown) => void]> = {};
  client.on("message", (data) => new Promise<void>((...end) => { ends[data] = end; }));
  client.on("message", () => { throw "thrown"; });
  await (await socket().welcome()).receive(push("a-1", "x", { ack: true }), push("a-2", "y", { ack: true }));
  assert.deepEqual(socket().sent, []);
  ends.y[1]("rejected");
  await settle();
  assert.deepEqual(socket().sent, acks(["a-2"]));
  ends.x[0]();
  await settle();
  assert.deepEqual([socket().sent, reported], [acks(["a-2", "a-1"]), ["thrown", "thrown", "rejected"]]);
  client.close();
  console.error = () => {};
});

test("by hand: when the page says so, once", async () => {
  const { client } = start({ ack: "manual" });
  const taken: (() => void)[] = [];
  client.on("message", (_, { ack }) => void taken.push(ack));
  await (await socket().welcome()).receive(push("a-1", 1, { ack: true }), push("a-2", 2), push("a-3", 3, { ack: true }));
  assert.deepEqual(socket().sent, []);
  for (const ack of [taken[2], taken[1], taken[0], taken[2]]) ack();
  assert.deepEqual(socket().sent, acks(["a-3", "a-1"]));
  await socket().receive(push("a-1", 1, { ack: true })); // again: only the page knows whether it has taken that
  assert.equal(socket().sent.length, 2);
  client.close();
});

test("what is acknowledged while there is no connection is told to the next one", async () => {
  const { client } = start({ ack: "manual" });
  const taken: (() => void)[] = [];
  client.on("message", (_, { ack }) => void taken.push(ack));
  await (await socket().welcome()).receive(push("a-1", 1, { ack: true }), push("a-2", 2, { ack: true }));
  await socket().lose();
  taken[1]();
  const next = await again();
  taken[0]();
  assert.deepEqual((await next.welcome()).sent, acks(["a-2", "a-1"]));
  await next.lose();
  assert.deepEqual((await (await again()).welcome()).sent, []);
  client.close();
  taken[0]();
});

test("a push that comes again is acknowledged again, not shown again", async () => {
  const { client, shown } = start();
  await (await socket().welcome()).receive(push("a-1", 1, { ack: true }), push("a-1", 1, { ack: true }), push("a-1", 1));
  assert.deepEqual([shown, socket().sent], [[1], acks(["a-1", "a-1"])]);
  client.close();
});
