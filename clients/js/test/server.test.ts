// Against the real server, bin/scenecast. What it cannot do yet is in features.test.ts.
import { test } from "node:test";
import { assert, Page, Server, until } from "./real.ts";

test("the right pages, in order, with the event's name and the position", async () => {
  const server = await Server.start();
  const home = await new Page({ url: server.url, token: "T", labels: { page: "home" } }).welcome();
  const list = await new Page({ url: server.url, token: async () => "T", labels: { page: ["list", "back"] } }).welcome();
  assert.match(home.client.id!, /^\d+\.\d+$/);
  for (let i = 0; i < 20; i++) await server.push({ page: "home" }, { i, text: "后端" }, { event: "counted" });
  assert.equal((await server.push({ page: "back" }, "for the list")).matched, 1);
  await home.expect(...Array.from({ length: 20 }, (_, i) => ({ i, text: "后端" })));
  await list.expect("for the list");
  assert.deepEqual(home.metas.map(({ event, late }) => [event, late]), Array(20).fill(["counted", false]));
  const seqs = home.metas.map(({ position }) => Number(position!.split("-")[1]));
  assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
  await server.push({ "@id": home.client.id }, "by id");
  await until("it has come", () => home.shown.at(-1) === "by id");
});

test("set moves a page, and says why it may not", async () => {
  const server = await Server.start(undefined, { SCENECAST_LABELS_CLIENT: "page" });
  const page = await new Page({ url: server.url, token: "T", labels: { page: "home" } }).welcome();
  await page.client.set({ page: "list" });
  assert.equal((await server.push({ page: "home" }, "old scene")).matched, 0);
  await server.push({ page: "list" }, "new scene");
  await assert.rejects(page.client.set({ plan: "pro" }), {
    name: "ScenecastError", kind: "forbidden", where: "labels.plan", setting: "labels.client",
  });
  await page.expect("new scene");

  await page.cut();
  await page.welcome(2);
  await server.push({ page: "list" }, "still there"); // which may match the connection that was cut, too, until the server has heard of that
  await page.expect("new scene", "still there");
});

test("a wrong token is refused, a fetched one once more", async () => {
  const server = await Server.start();
  let fetched = 0;
  const wrong = new Page({ url: server.url, token: "wrong" });
  const twice = await new Page({ url: server.url, token: () => ++fetched === 1 ? "old" : "T" }).welcome();
  await until("it is refused", () => wrong.client.state === "closed");
  assert.deepEqual(wrong.log, ["close 4401", "refused 4401 token: the page's token is missing or wrong (setting: client_tokens)"]);
  assert.deepEqual([fetched, twice.log], [2, ["close 4401"]]);
});

test("a server that comes back gets its pages back, on another log", async () => {
  const first = await Server.start();
  const page = await new Page({ url: first.url, token: "T", labels: { page: "home" } }).welcome();
  await first.push({ page: "home" }, 1);
  await page.expect(1);
  await first.stop();
  const second = await Server.start(first.address);
  await page.welcome(2);
  await second.push({ page: "home" }, 2);
  await page.expect(1, 2);
  assert.equal(page.log[0], "close 4503");
});

test("a page that a backend disconnects stays away", async () => {
  const server = await Server.start();
  const page = await new Page({ url: server.url, token: "T", labels: { page: "home" } }).welcome();
  await server.call("/v1/disconnect", { to: { page: "home" } });
  await until("it is closed", () => page.client.state === "closed");
  assert.deepEqual(page.log, ["close 1000"]);
});
