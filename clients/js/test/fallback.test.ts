import { test } from "node:test";
import { again, assert, delays, later, outcome, pass, push, settle, socket, sockets, start, stream, streams } from "./stage.ts";

/** A client for which WebSocket does not get through, at its event stream. */
async function blocked(options = {}) {
  const started = start({ labels: { page: "home" }, ...options });
  await settle(); // of a token that is fetched
  await socket().lose();
  await pass(1000);
  await socket().lose();
  await pass(2000);
  assert.deepEqual([sockets.length, streams.length], [2, 1]);
  return started;
}

test("after two attempts by WebSocket in vain, pushes come over an event stream", async () => {
  const { client, log, shown } = await blocked();
  const { url, params } = stream();
  assert.deepEqual([url.origin + url.pathname, params, url.searchParams.get("token")], ["http://host/v1/events", "page=home", "t"]);
  assert.equal(url.searchParams.get("page_id"), socket().pageID);
  log.length = 0;
  const metas: unknown[] = [];
  client.on("message", (_, { event, position, late }) => metas.push([event, position, late]));
  await stream().welcome("a-5");
  assert.deepEqual([client.id, log], ["2.2", ["state open", "open", "welcome 2.2"]]);
  await stream().write('id: a-6\ndata: {"n":1}\n\nid: a-7\nevent: order.shipped\ndata: [1,\ndata: 2]\n\n');
  await stream().write(': heartbeat\n\nid: a-7\ndata: "again"\n\n');
  await stream().tell({ type: "push", position: "a-2", event: "old", data: "late", late: true });
  await stream().tell({ type: "gap", reason: "dropped", position: "a-9" });
  assert.deepEqual(shown, [{ n: 1 }, [1, 2], "late"]);
  assert.deepEqual(metas, [[undefined, "a-6", false], ["order.shipped", "a-7", false], ["old", "a-2", true]]);
  assert.equal(log[log.length - 1], "gap dropped a-9");

  // It stays with the event stream, and resumes.
  await stream().end();
  assert.equal(log[log.length - 1], "close 1006");
  await again();
  assert.deepEqual([sockets.length, streams.length, stream().params], [2, 2, "page=home&since=a-9"]);
  client.close();
  await settle();
  assert.deepEqual([stream().aborted, delays()], [true, []]);
});

test("characters may be cut anywhere, and a byte order mark is nothing", async () => {
  const { client, shown } = await blocked();
  await stream().begin();
  const bytes = new TextEncoder().encode('\uFEFFevent: scenecast\r\ndata: {"type":"welcome","id":"3"}\r\n\r\ndata: "后端"\r\rdata: "é"\n\n');
  for (const byte of bytes) await stream().write(Uint8Array.of(byte));
  assert.deepEqual([client.id, shown], ["3", ["后端", "é"]]);
  client.close();
});

// [how the server refuses, state, event, in ms until the next attempt]
const refusals: [status: number, problem: object | undefined, log: string[]][] = [
  [401, { kind: "unauthorized", detail: "wrong", where: "token" }, ["state closed", "close 4401", "refused 4401"]],
  [403, { kind: "forbidden", detail: "no" }, ["state closed", "close 4403", "refused 4403"]],
  [400, { kind: "invalid", detail: "no" }, ["state closed", "close 4400"]],
  [429, { kind: "too_many", detail: "no" }, ["state waiting", "close 4429"]],
  [503, { kind: "unavailable", detail: "no" }, ["state waiting", "close 4503"]],
  [404, { kind: "not_found", detail: "no" }, ["state waiting", "close 4404"]],
  [404, undefined, ["state waiting", "close 4404"]],
  [200, undefined, ["state waiting", "close 4404"]],
  [403, undefined, ["state waiting", "close 4404"]],
  [502, undefined, ["state waiting", "close 1006"]],
];

test("a refusal's status is a close code, if the server itself has said it", async () => {
  for (const [status, problem, want] of refusals) {
    const { client, log } = await blocked();
    log.length = 0;
    const reasons: string[] = [];
    client.on("close", ({ reason }) => reasons.push(reason));
    await stream().refuse(status, problem);
    assert.deepEqual(log, want, String(status));
    assert.deepEqual(reasons, [status === 401 ? "token: wrong" : problem ? "no" : `HTTP ${status}`]);
    client.close();
  }
});

test("an upgrade that hangs, and a server that does not greet, are left for an event stream within 10 s", async () => {
  for (const opens of [false, true]) {
    const { client, log } = start();
    if (opens) await socket().open();
    await pass(10000);
    assert.deepEqual([log[log.length - 1], socket().closed, sockets.length, streams.length], ["state connecting", 4000, 1, 1]);
    await stream().welcome();
    assert.equal(client.state, "open");
    client.close();
  }
  // Where WebSocket has worked, a server that hangs is waited for.
  const { client } = start();
  await (await socket().welcome()).lose();
  await again();
  await pass(19999);
  assert.deepEqual([client.state, sockets.length], ["connecting", 2]);
  await pass(1);
  await again();
  assert.deepEqual([sockets.length, streams.length], [3, 0]);
  client.close();
});

test("a stream that is not answered says what may be the matter", async () => {
  const { client } = await blocked();
  const reasons: string[] = [];
  client.on("close", ({ code, reason }) => reasons.push(`${code} ${reason}`));
  await pass(20000);
  assert.deepEqual(reasons, ["4000 no answer in time: event streams of other pages may hold all connections"]);
  client.close();
});

test("a refusal for now is an answer with a close event, and the page comes back with backoff", async () => {
  for (const [code, waits] of [[4503, [10000, 10000, 16000, 30000]], [4429, [10000]], [4408, [4000, 8000]], [1011, [4000, 8000]]] as const) {
    const { client, log } = await blocked();
    log.length = 0;
    for (const wait of waits) {
      await stream().begin();
      await stream().write(`retry: 3000\nevent: scenecast\ndata: {"type":"close","code":${code},"reason":"full"}\n\n`);
      assert.deepEqual([client.state, log[log.length - 1], delays(), stream().aborted], ["waiting", `close ${code}`, [wait], true]);
      await pass(wait - 1);
      assert.equal(client.state, "waiting");
      await pass(1);
    }
    client.close();
  }
});

test("a goodbye in the stream is a close code", async () => {
  for (const [code, state] of [[4503, "waiting"], [4401, "closed"], [1000, "closed"]] as const) {
    const { client, log } = await blocked();
    await (await stream().welcome()).tell({ type: "close", code, reason: "because" });
    assert.deepEqual([client.state, log.includes(`close ${code}`), stream().aborted], [state, true, true]);
    client.close();
  }
});

test("a server that has only WebSocket is not asked for event streams again", async () => {
  const { client } = await blocked();
  await stream().refuse(404);
  for (let i = 3; i < 8; i++) {
    await again();
    assert.deepEqual([sockets.length, streams.length], [i, 1]);
    await socket().lose();
  }
  await (await again()).welcome();
  assert.equal(client.state, "open");
  client.close();
});

test("where neither gets through, they take turns", async () => {
  const { client } = await blocked();
  await stream().fail();
  await again();
  assert.deepEqual([sockets.length, streams.length], [3, 1]);
  await socket().lose();
  await again();
  assert.deepEqual([sockets.length, streams.length], [3, 2]);
  client.close();
});

test("a server that speaks, or has spoken, gets through; a page that is offline does not know", async () => {
  const attempts: [codes: number[], welcome: boolean, onLine: boolean][] = [
    [[4429, 4503, 4429], false, true],
    [[1006, 4503, 1006], false, true],
    [[1006, 1006, 1006], true, true],
    [[1006, 1006, 1006], false, false],
  ];
  for (const [codes, welcome, onLine] of attempts) {
    Object.defineProperty(globalThis, "navigator", { value: { onLine }, configurable: true });
    const { client } = start();
    if (welcome) {
      await (await socket().welcome()).lose();
      await again();
    }
    for (const code of codes) {
      await socket().lose(code);
      await again();
    }
    assert.equal(streams.length, 0, JSON.stringify([codes, welcome, onLine]));
    client.close();
  }
  Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true });
});

test("WebSocket is tried again every five minutes, and one attempt in vain leads back", async () => {
  const { client, log } = await blocked();
  await stream().welcome("a-5");
  for (let waited = 0; waited < 300000; waited += 20000) {
    await stream().write(":\n\n");
    await pass(20000);
  }
  assert.deepEqual([sockets.length, stream().aborted, client.state], [3, true, "connecting"]);
  assert.equal(socket().params, "page=home&since=a-5");
  await socket().lose();
  assert.equal(log[log.length - 1], "close 1006");
  await again();
  assert.deepEqual([sockets.length, streams.length], [3, 2]);
  await stream().welcome("a-5");
  for (let waited = 0; waited < 300000; waited += 20000) {
    await stream().write(":\n\n");
    await pass(20000);
  }
  await (await socket().welcome("a-5")).receive(push("a-6", 6));
  await pass(25000);
  assert.deepEqual(socket().sent, [{ type: "ping" }]);
  await socket().lose();
  await again();
  assert.deepEqual([sockets.length, streams.length], [5, 2]);
  client.close();
});

test("a stream that is silent for longer than a heartbeat is dead", async () => {
  const { client, log } = await blocked();
  await stream().begin();
  await pass(10000);
  await stream().write(":\n\n");
  await pass(10000);
  assert.deepEqual([log[log.length - 1], stream().aborted], ["close 4000", true]); // it has not greeted
  client.close();

  const second = await blocked();
  await stream().welcome();
  await pass(34999);
  await stream().write(":\n");
  await pass(34999);
  assert.equal(second.client.state, "open");
  await pass(1);
  assert.deepEqual([second.client.state, stream().aborted], ["waiting", true]);
  second.client.close();
});

test("set reconnects with the new labels", async () => {
  const { client, log } = await blocked();
  const early = later(client.set({ tag: "1" }));
  await stream().welcome("a-5"); // whose address does not have it
  assert.deepEqual([streams[0].aborted, streams.length, stream().params, log.includes("welcome 2.2")], [true, 2, "page=home&tag=1&since=a-5", false]);
  assert.equal(await outcome(early), "pending");
  await stream().welcome("a-5");
  assert.equal(await outcome(early), "done");
  const list = later(client.set({ page: "list", tag: null }));
  assert.deepEqual([client.state, stream().params], ["connecting", "page=list&since=a-5"]);
  await stream().welcome("a-5");
  assert.deepEqual([await outcome(list), client.state], ["done", "open"]);

  const bad = later(client.set({ plan: "pro" }));
  await stream().refuse(403, { kind: "forbidden", detail: "not you", where: "plan" });
  assert.equal(await outcome(bad), "ScenecastError forbidden: plan: not you");
  await again();
  assert.equal(stream().params, "page=list&since=a-5");
  await stream().welcome("a-5");
  assert.deepEqual([client.state, sockets.length, log.filter((line) => line.startsWith("refused"))], ["open", 2, []]);
  client.close();
});

test("a message that cannot be read ends the stream", async () => {
  const { client, log } = await blocked();
  await (await stream().welcome()).write("data: {\n\n");
  assert.deepEqual([client.state, log[log.length - 1]], ["waiting", "close 1006"]);
  client.close();
});

test("without WebSocket, event streams are the way; without either there is none", async () => {
  const global = globalThis.WebSocket;
  globalThis.WebSocket = undefined as any;
  const { client } = start({ WebSocket: undefined });
  assert.equal(streams.length, 1);
  await stream().fail();
  await again();
  await stream().welcome();
  await pass(300000 - 1);
  assert.deepEqual([streams.length > 1, sockets.length], [true, 0]);
  client.close();
  assert.throws(() => start({ WebSocket: undefined, url: "ws://host/other" }), { message: /no WebSocket here/ });
  globalThis.WebSocket = global;
});

test("where the address does not tell where event streams are, there are none", async () => {
  const { client } = start({ url: "ws://host/sockets" });
  for (let i = 1; i < 5; i++) {
    await socket().lose();
    await again();
  }
  assert.deepEqual([sockets.length, streams.length], [5, 0]);
  client.close();
});

test("the token of an event stream is replaced by another stream, which goes on where the old one was", async () => {
  let n = 0;
  const { client } = await blocked({ token: () => `token ${++n}` });
  await stream().welcome("a-5");
  await stream().tell({ type: "expiring", expires_in: 30 });
  await pass(15000);
  const [old, next] = streams;
  assert.deepEqual([streams.length, old.aborted, next.params, next.url.searchParams.get("token")], [2, true, "page=home&since=a-5", `token ${n}`]);
  await next.welcome("a-5");
  assert.equal(client.state, "open");
});
