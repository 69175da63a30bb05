import { test } from "node:test";
import { again, assert, delays, pass, settle, socket, sockets, start, streams, Socket } from "./stage.ts";

test("a token is fetched for each connection", async () => {
  let n = 0;
  const { client, log } = start({ token: async () => `token ${++n}` });
  assert.deepEqual([client.state, sockets.length], ["connecting", 0]);
  await settle();
  assert.equal(socket().token, "token 1");
  await (await socket().welcome()).lose();
  assert.equal((await again()).token, "token 2");
  await socket().welcome();
  client.close();
  assert.deepEqual(log.slice(0, 4), ["state connecting", "state open", "open", "welcome 1.1"]);
});

test("a token that is refused is fetched once more, and that once per connection", async () => {
  let n = 0;
  const { client, log } = start({ token: () => `token ${++n}` });
  await settle();
  await socket().lose(4401);
  assert.deepEqual([client.state, log.slice(1)], ["waiting", ["state waiting", "close 4401"]]);
  assert.equal((await again()).token, "token 2");
  await (await socket().welcome()).lose(4401); // it has expired meanwhile
  assert.equal((await again()).token, "token 3");
  await socket().lose(4401);
  assert.deepEqual([client.state, log.slice(-3)], ["closed", ["state closed", "close 4401", "refused 4401"]]);
  assert.deepEqual([n, delays()], [3, []]);
});

test("a token that cannot be fetched is tried again, and reported", async () => {
  const reported: unknown[] = [];
  console.error = (error: unknown) => reported.push(error);
  const answers: (() => any)[] = [
    () => { throw "thrown"; }, () => Promise.reject("rejected"), () => "", () => undefined, () => new Promise(() => {}), () => "good",
  ];
  const { client, log } = start({ token: () => answers.shift()!() });
  const reasons: string[] = [];
  client.on("close", ({ reason }) => reasons.push(reason));
  await settle();
  for (const delay of [1000, 2000, 4000, 8000]) {
    assert.deepEqual([client.state, delays()], ["waiting", [delay]]);
    await pass(delay);
  }
  assert.equal(client.state, "connecting");
  await pass(20000);
  await pass(delays()[0]);
  assert.equal(socket().token, "good");
  assert.equal(log.filter((line) => line === "close 4000").length, 5);
  const wrong = "no token: TypeError: scenecast: token must be a non-empty string";
  assert.deepEqual(reasons, ["no token: thrown", "no token: rejected", wrong, wrong, "the token function has not answered in time"]);
  assert.equal(streams.length, 0); // which says nothing about WebSocket
  assert.deepEqual(reported.map(String), ["thrown", "rejected", ...Array(2).fill("TypeError: scenecast: token must be a non-empty string")]);
  client.close();
  console.error = () => {};
});

test("a token that comes when nobody waits for it any more opens nothing", async () => {
  let give: (token: string) => void;
  const { client, log } = start({ token: () => new Promise((resolve) => { give = resolve; }) });
  await settle();
  client.close();
  give!("too late");
  await settle();
  assert.deepEqual([sockets.length, client.state, log, delays()], [0, "closed", ["state connecting", "state closed", "close 1000"], []]);
});

test("a token function that returns null ends it: logged out, and nothing is tried again", async () => {
  let loggedIn = true;
  const { client, log } = start({ token: async () => loggedIn ? "t" : null });
  const reasons: string[] = [];
  client.on("close", ({ reason }) => reasons.push(reason));
  await settle();
  await socket().welcome();
  loggedIn = false;
  await socket().lose();
  await pass(delays()[0]);
  assert.deepEqual([client.state, log.slice(-3), reasons[1], delays()],
    ["closed", ["state connecting", "state closed", "close 1000"], "the token function has returned null", []]);
  loggedIn = true;
  client.connect({ url: "ws://host/v1/connect", token: async () => null, WebSocket: Socket });
  client.close(); // by the time that it is told, nobody asks any more
  await settle();
  assert.deepEqual([client.state, sockets.length], ["closed", 1]);
});

test("an address that the browser forbids is told as what it is, once", async () => {
  const told: unknown[] = [];
  console.error = (text: unknown) => told.push(text);
  class Forbidden extends Socket {
    constructor(address: string, subprotocol: string) {
      super(address, subprotocol);
      throw new DOMException("insecure", "SecurityError");
    }
  }
  const { client, log } = start({ token: async () => "t", WebSocket: Forbidden });
  await settle();
  assert.deepEqual([log, delays()], [["state connecting", "state closed", "close 4400"], []]);
  assert.deepEqual(told, ["scenecast: this page is not let in (4400 SecurityError: insecure); not trying again"]);
  assert.throws(() => client.connect({ url: "ws://host/v1/connect", token: "t", WebSocket: Forbidden }), { name: "SecurityError" });
  assert.equal(client.state, "closed");
  console.error = () => {};
});

test("a token that ends is replaced on the open connection", async () => {
  let n = 0;
  const { client, log } = start({ token: async () => `token ${++n}` });
  await settle();
  const first = await socket().welcome();
  await first.receive({ type: "expiring", expires_in: 30 });
  assert.equal(n, 1); // not all pages ask at once
  await pass(15000);
  assert.deepEqual([n, first.sent, sockets.length], [2, [{ type: "token", token: "token 2" }], 1]);
  await first.receive({ type: "token", position: "a-1" }, { type: "error", kind: "unauthorized" });
  assert.deepEqual([client.state, log.slice(-1)], ["open", ["welcome 1.1"]]);
  await first.receive({ type: "expiring", expires_in: 30 });
  await first.lose(4401); // before it has asked: it asks for the next connection
  assert.equal((await again()).token, "token 3");
  await socket().welcome();
  await pass(20000);
  assert.deepEqual([n, socket().sent.filter((message: any) => message.type === "token")], [3, []]);
});

test("a token that ends and cannot be replaced is reported, and the connection stays for as long as it may", async () => {
  const answers: (() => any)[] = [() => "good", () => null, () => { throw "thrown"; }, () => ""];
  const reported: unknown[] = [];
  console.error = (error: unknown) => reported.push(error);
  const { client } = start({ token: () => answers.shift()!() });
  await settle();
  await socket().welcome();
  for (let i = 0; i < 3; i++) {
    await socket().receive({ type: "expiring", expires_in: 2 });
    await pass(1000);
  }
  console.error = () => {};
  assert.deepEqual([client.state, socket().sent], ["open", []]);
  assert.deepEqual(reported.map(String), ["thrown", "TypeError: scenecast: token must be a non-empty string"]);
  client.close();
});

test("a token that is a text ends, and is not sent again", async () => {
  const { client, log } = start({ token: "text" });
  await socket().welcome();
  await socket().receive({ type: "expiring", expires_in: 2 });
  await pass(2000);
  assert.deepEqual(socket().sent, []);
  await socket().lose(4401);
  assert.deepEqual([client.state, log.slice(-1)], ["closed", ["refused 4401"]]);
});
