import { test } from "node:test";
import { createClient } from "../src/index.ts";
import { again, assert, push, settle, socket, start, Socket } from "./stage.ts";

const items = new Map<string, string>();
let denied = false;

function guarded<T>(what: T): T {
  if (denied) throw new Error("denied");
  return what;
}

Object.defineProperty(globalThis, "sessionStorage", {
  value: {
    getItem: (key: string) => guarded(items.get(key) ?? null),
    setItem: (key: string, value: string) => guarded(items.set(key, value)),
  },
});

const home = { store: "session", labels: { page: "home" } } as const;

test("in sessionStorage the position and the page's id outlive the page", async () => {
  const before = start(home);
  const { pageID } = socket();
  await (await socket().welcome("a-5")).receive(push("a-6", 6), push("a-2", "late", { late: true }));
  await settle();
  const key = "scenecast ws://host/v1/connect?page=home";
  assert.deepEqual(Array.from(items), [[key, "a-6 "]]); // while the page lives, its ID is its own
  before.client.close();
  assert.deepEqual(Array.from(items), [[key, `a-6 ${pageID}`]]);

  const after = start(home);
  assert.deepEqual([socket().params, socket().pageID], ["page=home&since=a-6", pageID]);
  await (await socket().welcome("a-9")).receive(push("a-6", 6), push("a-8", 8));
  assert.deepEqual(after.shown, [8]);
  await socket().receive({ type: "gap", reason: "dropped", position: "a-12" });
  after.client.close();

  // Another scene has missed other pushes; another token is no other scene.
  const list = start({ ...home, labels: { page: "list" } });
  assert.equal(socket().params, "page=list");
  list.client.close();
  const token = start({ ...home, token: "other" });
  assert.equal(socket().params, "page=home&since=a-12");
  token.client.close();
});

test("a duplicated tab is a page of its own, and begins where its original was", async () => {
  items.clear();
  const { client: original } = start(home);
  await (await socket().welcome("a-5")).receive(push("a-6", 6));
  await settle();
  const { pageID } = original;
  const copied = new Map(items);
  original.close();

  items.clear();
  copied.forEach((value, key) => items.set(key, value));
  const copy = start(home);
  assert.deepEqual([socket().params, copy.client.pageID === pageID], ["page=home&since=a-6", false]);
  copy.client.close();
});

test("connecting anew to the same scene goes on as the same page, and so does a page whose connect is mistaken", async () => {
  items.clear();
  const { client } = start(home);
  await (await socket().welcome("a-5")).receive(push("a-6", 6));
  await settle();
  const { pageID } = client, saved = () => Array.from(items.values());
  assert.throws(() => client.connect({ token: "" }));
  assert.deepEqual(saved(), ["a-6 "]);
  client.connect({ url: "ws://host/v1/connect", token: "u", WebSocket: Socket, ...home });
  assert.deepEqual([client.pageID, saved()], [pageID, ["a-6 "]]);
  client.close();
  assert.throws(() => client.connect({ token: "" }));
  assert.deepEqual(saved(), [`a-6 ${pageID}`]);
});

test("listeners that are done after the page has closed leave the next page's ID and position alone", async () => {
  items.clear();
  const before = start(home);
  const ends: (() => void)[] = [];
  before.client.on("message", () => new Promise<void>((end) => ends.push(end)));
  await (await socket().welcome("a-5")).receive(push("a-6", 6), push("a-7", 7));
  before.client.close();
  ends[0]();
  await settle();
  assert.deepEqual(Array.from(items.values()), [`a-6 ${before.client.pageID}`]);
  const after = createClient();
  after.connect({ url: "ws://host/v1/connect", token: "t", WebSocket: Socket, ...home });
  ends[1]();
  await settle();
  assert.deepEqual([after.pageID, Array.from(items.values())], [before.client.pageID, ["a-6 "]]);
  after.close();
});

test("what the page had not finished comes again after a reload, not after a reconnect", async () => {
  items.clear();
  const before = start(home);
  before.client.on("message", (data) => data === 7 ? new Promise(() => {}) : undefined);
  await (await socket().welcome("a-5")).receive(push("a-6", 6), push("a-7", 7), push("a-8", 8));
  await settle();
  await socket().lose();
  assert.equal((await again()).params, "page=home&since=a-8");
  before.client.close();
  const after = start(home);
  assert.equal(socket().params, "page=home&since=a-6");
  after.client.close();
});

test("in memory by default", async () => {
  items.clear();
  const { client } = start({ labels: { page: "home" } });
  await (await socket().welcome("a-5")).receive(push("a-6", 6));
  await settle();
  assert.equal(items.size, 0);
  client.close();
});

test("a browser that denies storage, or has something else there, costs nothing but the reload", async () => {
  denied = true;
  const { client, shown } = start(home);
  await (await socket().welcome("a-5")).receive(push("a-6", 6));
  await socket().lose();
  assert.deepEqual([(await again()).params, shown], ["page=home&since=a-6", [6]]);
  client.close();
  denied = false;
  items.set("scenecast ws://host/v1/connect?page=home", "nonsense");
  const other = start(home);
  assert.deepEqual([socket().params, socket().pageID!.length], ["page=home", 22]);
  other.client.close();
});
