import { test } from "node:test";
import { createClient, scenecast } from "../src/index.ts";
import { assert, delays, pass, push, settle, socket, sockets, start, Socket } from "./stage.ts";

test("a connection, its welcome, its pushes and its end", async () => {
  const { client, log, shown } = start({ labels: { page: ["home", "list"], order: "7" } });
  assert.deepEqual([socket().url.origin + socket().url.pathname, socket().params, socket().token, socket().subprotocol],
    ["ws://host/v1/connect", "page=home&page=list&order=7", "t", "scenecast.v1"]);
  assert.equal(client.id, null);
  await socket().welcome();
  assert.equal(client.id, "1.1");
  await socket().receive(push("a-1", { n: 1 }), push("a-2", "two"), { type: "unheard of" });
  await socket().lose();
  assert.equal(client.id, null);
  assert.deepEqual(shown, [{ n: 1 }, "two"]);
  client.close();
  client.close();
  assert.deepEqual(log, ["state connecting", "state open", "open", "welcome 1.1", "state waiting", "close 1006", "state closed"]);
  assert.deepEqual(delays(), []);
});

test("meta tells the event's name and the position", async () => {
  const { client } = start();
  const metas: unknown[] = [];
  client.on("message", (_, { event, position, late }) => metas.push([event, position, late]));
  await (await socket().welcome()).receive(push("a-1", 1), push("a-2", 2, { event: "order.shipped" }));
  assert.deepEqual(metas, [[undefined, "a-1", false], ["order.shipped", "a-2", false]]);
  client.close();
});

// [code, events after welcome]; in waiting, another attempt is to come.
const codes: [number, string[]][] = [
  [1000, ["state closed", "close 1000"]],
  [4400, ["state closed", "close 4400"]],
  [4409, ["state closed", "close 4409"]],
  [4401, ["state closed", "close 4401", "refused 4401"]],
  [4403, ["state closed", "close 4403", "refused 4403"]],
  [1001, ["state waiting", "close 1001"]],
  [1006, ["state waiting", "close 1006"]],
  [1011, ["state waiting", "close 1011"]],
  [4408, ["state waiting", "close 4408"]],
  [4410, ["state waiting", "close 4410"]],
  [4429, ["state waiting", "close 4429"]],
  [4503, ["state waiting", "close 4503"]],
];

test("the close code decides whether the page comes back", async () => {
  for (const [code, events] of codes) {
    const { client, log } = start();
    await (await socket().welcome()).lose(code);
    assert.deepEqual(log.slice(4), events, String(code));
    await pass(10000);
    assert.equal(sockets.length, client.state === "closed" ? 1 : 2, String(code));
    client.close();
    assert.deepEqual(delays(), [], String(code));
  }
});

test("a page that is thrown out waits longer each time; once it has stayed, it starts anew", async () => {
  const { client } = start();
  for (const delay of [1000, 2000, 4000, 8000, 16000, 30000, 30000]) {
    await (await socket().welcome()).lose(4408);
    assert.deepEqual(delays(), [delay]);
    await pass(delay);
  }
  await socket().welcome();
  await pass(5001);
  await socket().lose(4408);
  assert.deepEqual(delays(), [1000]);
  client.close();
});

test("a server that does not greet, or does not answer a ping, is dead; any frame is an answer", async () => {
  const { client, log } = start({ url: "ws://host/sockets" }); // where there is no event stream to fall back to
  await socket().open();
  await pass(19999);
  assert.equal(client.state, "open");
  await pass(1);
  assert.deepEqual([client.state, log[log.length - 1], socket().closed], ["waiting", "close 4000", 4000]);
  await pass(1000);

  const second = await socket().welcome();
  for (let i = 1; i <= 3; i++) {
    await pass(i < 3 ? 25000 : 15001);
    assert.deepEqual(second.sent, Array(i).fill({ type: "ping" }));
    if (i === 2) await pass(9999);
    await second.receive(i < 3 ? push(`a-${i}`, i) : { type: "pong" });
  }
  await pass(25000 + 9999);
  assert.equal(client.state, "open");
  await pass(1);
  assert.deepEqual([client.state, second.closed], ["waiting", 4000]);
  client.close();
});

test("what an old socket still tells is stale", async () => {
  const { client, log, shown } = start();
  const old = await socket().welcome();
  client.connect({ url: "ws://host/v1/connect", token: "t", labels: { page: "x" }, WebSocket: Socket });
  assert.deepEqual([old.closed, socket().params], [1000, "page=x"]);
  await old.receive(push("a-1", "old"), { type: "welcome", id: "9" });
  await old.lose(4403);
  await socket().welcome();
  assert.deepEqual(shown, []);
  assert.deepEqual(log.slice(4), ["state connecting", "state open", "open", "welcome 1.1"]);
  client.close();
});

test("listeners may connect and close from inside, come and go, and fail", async () => {
  const { client, log, shown } = start();
  const reported: unknown[] = [];
  console.error = (error: unknown) => reported.push(error);
  const wrong = new Error("a listener's");
  const stop = client.on("message", () => { throw wrong; });
  const leave = () => client.close();
  await (await socket().welcome()).receive(push("a-1", 1));
  assert.deepEqual([reported, shown], [[wrong], [1]]);
  stop();
  client.on("message", leave);
  await socket().receive(push("a-2", 2, { ack: true }), push("a-3", 3));
  client.off("message", leave);
  assert.deepEqual([client.state, shown, socket().closed, reported.length], ["closed", [1, 2], 1000, 1]);
  client.on("close", () => client.connect({ url: "ws://host/v1/connect", token: "again", WebSocket: Socket }));
  client.connect({ url: "ws://host/v1/connect", token: "u", WebSocket: Socket });
  await socket().lose();
  assert.deepEqual([client.state, socket().token, log[log.length - 1]], ["connecting", "again", "state connecting"]);
  console.error = () => {};
});

test("mistakes throw, and leave what is there alone", async () => {
  const { client, shown } = start();
  await socket().welcome();
  const url = "ws://host/v1/connect";
  const mistakes: [any, RegExp][] = [
    [undefined, /token must be a non-empty string/],
    [{ url, token: "" }, /token must be a non-empty string/],
    [{ url, token: 7 }, /token must be a non-empty string/],
    [{ url, token: "t", labels: { "9x": "v" } }, /"9x" cannot be a label's key/],
    [{ url, token: "t", labels: { x: 1 } }, /label "x" must be a string/],
    [{ url: "ftp://host/", token: "t" }, /ftp: is no protocol/],
    [{ token: "t" }, /url must be given here/],
    [{ url, token: "t", ack: "auto" }, /ack can only be "manual"/],
    [{ url, token: "t", store: "local" }, /store can only be "session"/],
  ];
  for (const [options, message] of mistakes) assert.throws(() => client.connect(options), { message }, JSON.stringify(options));
  assert.throws(() => client.on("mesage" as "message", () => {}), { message: /no event "mesage"; there are message, open/ });
  assert.throws(() => client.on("message", undefined as any), { message: /listener for "message" is not a function/ });
  await socket().receive(push("a-1", "still here"));
  assert.deepEqual([client.state, sockets.length, shown], ["open", 1, ["still here"]]);
  client.close();
});

test("http is ws, the address's parameters are labels, and its hash is nothing", async () => {
  const addresses: [url: string, address: string, params: string][] = [
    ["https://host/v1/connect#x", "wss://host/v1/connect", "page=home"],
    ["http://host:1/p/v1/connect?a=1&a=2&page=list&token=x&since=x&page_id=x", "ws://host:1/p/v1/connect", "page=home&page=list&a=1&a=2"],
  ];
  for (const [url, address, params] of addresses) {
    const { client } = start({ url, labels: { page: "home" } });
    assert.deepEqual([socket().url.href.split("?")[0], socket().params, socket().token], [address, params, "t"]);
    client.close();
  }
});

test("the package has one client ready, and others on demand", async () => {
  assert.deepEqual([scenecast.state, scenecast.id, scenecast.pageID, typeof scenecast.popup], ["idle", null, null, "function"]);
  assert.notEqual(createClient(), createClient());
  await settle();
});
