import { test } from "node:test";
import { createResume } from "../src/resume.ts";
import { again, assert, push, settle, socket, start, Socket } from "./stage.ts";

test("the position of the last push goes along with the next connection, and so does the page's id, always", async () => {
  const { client, shown } = start({ labels: { page: "home" } });
  const { pageID } = socket();
  assert.match(pageID!, /^[0-9a-f]{22}$/);
  assert.equal(client.pageID, pageID);
  assert.equal(socket().params, "page=home");
  await (await socket().welcome("a-5")).lose();
  assert.equal((await again()).params, "page=home&since=a-5");
  // The welcome's position is that of the newest push; the missed ones are still to come.
  await (await socket().welcome("a-9")).receive(push("a-7", 7), push("a-9", 9));
  await socket().receive(push("a-12", 12));
  await socket().lose();
  assert.equal((await again()).params, "page=home&since=a-12");
  await socket().lose(); // before any welcome
  assert.deepEqual([(await again()).params, socket().pageID, shown], ["page=home&since=a-12", pageID, [7, 9, 12]]);
  client.close();
  assert.notEqual(start().client, client);
  assert.notEqual(socket().pageID, pageID);
});

test("what has been shown is not shown again", async () => {
  const { client, shown } = start();
  await (await socket().welcome("a-5")).receive(push("a-5", "before"), push("a-6", 6), push("a-6", 6), push("a-3", 3), push("a-10", 10));
  await socket().lose();
  await (await again()).welcome("a-11");
  await socket().receive(push("a-9", 9), push("a-10", 10), push("a-11", 11));
  assert.deepEqual(shown, [6, 10, 11]);
  client.close();
});

test("another epoch is another log", async () => {
  const { client, shown } = start();
  await (await socket().welcome("a-5")).receive(push("b-1", "b"), push("b-1", "again"), push("b-2", "b2"));
  await socket().lose();
  assert.equal((await again()).params, "since=b-2");
  assert.deepEqual(shown, ["b", "b2"]);
  client.close();
});

test("a late push is shown once, and moves nothing", async () => {
  const { client, shown } = start();
  const late = (position: string) => push(position, `late ${position}`, { late: true });
  await (await socket().welcome("a-5")).receive(late("a-2"), push("a-6", 6), late("a-3"), late("a-2"), late("a-6"), late("a-9"));
  await socket().lose();
  assert.equal((await again()).params, "since=a-6");
  await socket().welcome("a-9");
  await socket().receive(push("a-9", "replayed"), late("a-3"), late("0-2"), push("a-10", 10));
  assert.deepEqual(shown, ["late a-2", 6, "late a-3", "late a-9", "late 0-2", 10]);
  await socket().lose();
  assert.equal((await again()).params, "since=a-10");
  client.close();
});

test("a gap is told, and the page goes on from its position, if it has one", async () => {
  // [gap, log, since of the next connection]
  const gaps: [{ reason: string; position?: string; dropped?: number }, string, string][] = [
    [{ reason: "retention", position: "a-90" }, "gap retention a-90", "a-90"],
    [{ reason: "epoch", position: "b-3" }, "gap epoch b-3", "b-3"],
    [{ reason: "dropped", dropped: 7 }, "gap dropped 7", "a-5"],
    [{ reason: "dropped", position: "a-4" }, "gap dropped a-4", "a-4"],
  ];
  for (const [gap, line, since] of gaps) {
    const { client, log } = start();
    await (await socket().welcome("a-5")).receive({ type: "gap", ...gap });
    assert.equal(log[log.length - 1], line);
    await socket().lose();
    assert.equal((await again()).params, `since=${since}`);
    client.close();
  }
  const { client, shown } = start();
  await (await socket().welcome("a-5")).receive({ type: "gap", reason: "epoch", position: "b-3" }, push("b-3", 3), push("b-4", 4));
  assert.deepEqual(shown, [4]);
  client.close();
});

test("a position in an answer says that there is nothing to come from before it", async () => {
  const { client } = start();
  await (await socket().welcome("a-5")).receive({ type: "pong", position: "a-8" }, { type: "pong", position: "a-7" }, { type: "pong" });
  await socket().lose();
  assert.equal((await again()).params, "since=a-8");
  await (await socket().welcome("a-8")).receive({ type: "set", id: 1, position: "a-9" });
  await socket().lose();
  assert.equal((await again()).params, "since=a-9");
  client.close();
});

test("a server without positions is not asked to resume", async () => {
  const { client, shown } = start();
  await (await socket().welcome()).receive({ type: "push", data: 1 }, { type: "push", data: 1 });
  await socket().lose();
  assert.deepEqual([(await again()).params, shown], ["", [1, 1]]);
  client.close();
});

test("a server that takes the parameters for labels, and refuses them, is not given them again", async () => {
  const { client, log } = start({ labels: { page: "home" } });
  await socket().lose(4403, "page_id: a page may set only page (setting: labels.client)");
  assert.deepEqual([client.state, (await again()).pageID], ["waiting", null]);
  await (await socket().welcome("a-5")).lose();
  assert.deepEqual([(await again()).params, socket().pageID, log.includes("refused 4403")], ["page=home", null, false]);
  client.close();
});

test("another connect begins anew, as the same page", async () => {
  const { client } = start();
  await (await socket().welcome("a-5")).receive(push("a-6", 6));
  client.connect({ url: "ws://host/v1/connect", token: "t", WebSocket: Socket });
  assert.equal(socket().params, "");
  client.close();
});

test("what is stored is what the listeners are done with, and all before it", async () => {
  const saved: string[] = [];
  const resume = createResume({ load: () => ["a-1", "id"], save: (position, pageID) => saved.push(`${position} ${pageID}`) });
  assert.deepEqual([resume.since, resume.pageID], ["a-1", "id"]);
  const ends: (() => void)[] = [];
  for (const position of ["a-2", "a-3", "a-4"]) {
    assert.equal(resume.take(position, false), true);
    resume.handled(new Promise<void>((end) => ends.push(end)));
  }
  assert.equal(resume.since, "a-4");
  ends[1]();
  await settle();
  assert.deepEqual(saved, []);
  ends[0]();
  await settle();
  assert.deepEqual(saved, ["a-2 id", "a-3 id"]);
  resume.restart("b-1");
  ends[2]();
  await settle();
  assert.deepEqual(saved, ["a-2 id", "a-3 id", "a-4 id", "b-1 id"]);
});
