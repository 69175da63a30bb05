import { test } from "node:test";
import { again, assert, later, outcome, socket, sockets, start, Socket } from "./stage.ts";

test("set is sent, and settled by its answer", async () => {
  const { client } = start({ labels: { page: "home", order: "7" } });
  const early = later(client.set({ page: "early" }));
  assert.equal(socket().params, "page=home&order=7");
  await socket().welcome();
  assert.deepEqual(socket().sent, [{ type: "set", id: 1, labels: { page: ["early"] } }]);
  assert.equal(await outcome(early), "pending");
  await socket().receive({ type: "set", id: 1 });
  assert.equal(await outcome(early), "done");

  const bad = later(client.set({ page: "list", plan: "pro" }));
  await socket().receive({ type: "error", id: 2, kind: "forbidden", detail: "not you", where: "labels.plan", setting: "labels.client" });
  assert.equal(await outcome(bad), "ScenecastError forbidden: labels.plan: not you (setting: labels.client)");
  await socket().receive({ type: "set", id: 2 }, { type: "error", id: 99, kind: "x", detail: "answers to nothing" });

  // Labels stay, without what was refused.
  await socket().lose();
  await again();
  assert.equal(socket().params, "page=early&order=7");
  client.close();
});

test("what is not confirmed goes along with the next connection", async () => {
  const { client } = start({ labels: { page: "home", tag: ["1", "2"] } });
  await socket().welcome();
  const lost = later(client.set({ page: "lost", tag: null }));
  await socket().lose();
  const waiting = later(client.set({ x: "1", page: "waiting" }));
  await again();
  assert.equal(socket().params, "page=waiting&x=1");
  assert.equal(await outcome(lost), "pending");
  await socket().welcome();
  assert.deepEqual([await outcome(lost), await outcome(waiting), socket().sent], ["done", "done", []]);
  client.close();
});

test("where the address with them is refused, the page comes without them, and each is told so", async () => {
  for (const code of [4400, 4403]) {
    const { client, log } = start({ labels: { page: "home" } });
    await socket().lose();
    const list = later(client.set({ page: "list" }));
    await again();
    assert.equal(socket().params, "page=list");
    await socket().lose(code);
    await again();
    assert.equal(socket().params, "page=home");
    await socket().lose(); // which says nothing about the set
    await again();
    assert.equal(socket().params, "page=home");
    await socket().welcome();
    assert.deepEqual(socket().sent, [{ type: "set", id: 1, labels: { page: ["list"] } }]);
    await socket().receive({ type: "error", id: 1, kind: "forbidden", detail: "not you" });
    assert.equal(await outcome(list), "ScenecastError forbidden: not you");

    // It has been let in, so they are in its address again; refused without any, it gives up.
    await socket().lose();
    const back = later(client.set({ page: "back" }));
    await again();
    assert.equal(socket().params, "page=back");
    await socket().lose(code);
    await again();
    assert.equal(socket().params, "page=home");
    await socket().lose(code);
    assert.equal(await outcome(back), `ScenecastError closed: ${code} because`);
    assert.deepEqual([client.state, log.filter((line) => line.startsWith("refused"))], ["closed", code === 4403 ? ["refused 4403"] : []]);
  }
});

test("without a connection to come, set is rejected", async () => {
  const { client } = start();
  const anew = later(client.set({ page: "x" }));
  client.connect({ url: "ws://host/v1/connect", token: "t", WebSocket: Socket });
  const closed = later(client.set({ page: "x" }));
  client.close();
  const after = later(client.set({ page: "x" }));
  const mistake = later(client.set({ token: "x" }));
  assert.deepEqual(await Promise.all([anew, closed, after, mistake].map(outcome)), [
    "ScenecastError closed: the page has connected anew",
    "ScenecastError closed: closed by the page",
    "ScenecastError closed: there is no connection",
    `TypeError : scenecast: "token" cannot be a label's key`,
  ]);
  assert.equal(sockets.length, 2);
});
