// Presence, against the real server, bin/scenecast.
import { test } from "node:test";
import { presence, type Presence } from "../src/index.ts";
import { assert, Page, Server, until } from "./real.ts";

const settings = {
  SCENECAST_APPS: JSON.stringify({
    shop: {
      client_tokens: [{ token: "A", user: "1", labels: { name: "Ann" } }, { token: "B", user: "2", labels: { name: "Bob" } }, "N"],
      presence: [{ key: "order", show: ["name"], linger: "50ms" }],
    },
  }),
};

const users = (p: Presence) => p.members.map(({ user, value }) => `${user}@${value}`).sort().join(" ");

/** Writes down what has happened. */
function log(p: Presence): string[] {
  const said: string[] = [];
  for (const name of ["joined", "left", "updated"] as const) p.on(name, ({ user, labels }) => said.push(`${name} ${user} ${labels.name}`));
  return said;
}

test("who is there, who joins and leaves, in each scene that the page moves to", async () => {
  const server = await Server.start(undefined, settings);
  const page = (token: string, order: string) => new Page({ url: server.url, token, labels: { order } }).welcome();
  const ann = await page("A", "7");
  const orders = presence(ann.client, "order"), said = log(orders);
  assert.equal(presence(ann.client, "order"), orders);
  await until("she sees herself", () => users(orders) === "1@7");
  const bob = await page("B", "7"), second = await page("B", "7");
  await page("N", "7");
  await until("she sees Bob, and somebody", () => users(orders) === "1@7 2@7" && orders.count === 2 && orders.anonymous === 1);
  assert.deepEqual(orders.members.find(({ user }) => user === "2")!.labels, { name: "Bob" });
  bob.client.close();
  second.client.close();
  await until("Bob has left", () => users(orders) === "1@7");
  assert.deepEqual(said, ["joined 2 Bob", "left 2 Bob"]);

  await page("B", "8");
  await ann.client.set({ order: "8" });
  await until("she is beside Bob again", () => users(orders) === "1@8 2@8");
  await ann.client.set({ order: ["7", "8"] });
  await until("she is in both", () => users(orders) === "1@7 1@8 2@8");
  orders.close();
  await until("she sees nobody", () => users(orders) === "");
});

test("what has happened while the page was away is told when it is back", async () => {
  const server = await Server.start(undefined, settings);
  const page = (token: string) => new Page({ url: server.url, token, labels: { order: "7" } }).welcome();
  const ann = await page("A"), nobody = await page("N");
  const seen = presence(ann.client, "order"), said = log(seen);
  const others = presence(nobody.client, "order"), unmoved = log(others);
  await until("all is known", () => users(seen) === "1@7" && users(others) === "1@7" && seen.anonymous === 1);
  ann.blocked = true;
  await ann.cut();
  await until("she has left", () => users(others) === "");
  await page("B");
  ann.blocked = false;
  await ann.welcome(2);
  await until("she sees Bob", () => users(seen) === "1@7 2@7");
  await until("so do others", () => users(others) === "1@7 2@7");
  assert.deepEqual([said, unmoved.sort()], [["joined 2 Bob"], ["joined 1 Ann", "joined 2 Bob", "left 1 Ann"]]);
});

test("a page without the label watches as soon as it has it; a key that is not declared is refused", async () => {
  const server = await Server.start(undefined, settings);
  const ann = await new Page({ url: server.url, token: "A", labels: { page: "list" } }).welcome();
  const orders = presence(ann.client, "order"), pages = presence(ann.client, "page");
  let refused = "";
  pages.on("refused", ({ kind }) => refused = kind);
  await until("it is refused", () => refused === "not_found");
  await ann.client.set({ order: "7" });
  await until("she sees herself", () => users(orders) === "1@7");
  assert.throws(() => pages.on("arrived" as "joined", () => {}), /there are joined, left, updated, change, refused/);
});

test("a page whose pushes come over an event stream sees who is there as well", async () => {
  const server = await Server.start(undefined, settings);
  const page = (token: string, labels: object, blocked: boolean) => new Page({ url: server.url, token, labels: { ...labels } }, blocked).welcome();
  const ann = await page("A", { order: "7" }, true);
  const orders = presence(ann.client, "order"), said = log(orders);
  await until("she sees herself", () => users(orders) === "1@7");
  const bob = await page("B", { order: "7" }, false);
  await until("she sees Bob", () => users(orders) === "1@7 2@7");
  bob.client.close();
  await until("Bob has left", () => users(orders) === "1@7");
  assert.deepEqual(said, ["joined 2 Bob", "left 2 Bob"]);

  await page("B", { order: "8" }, false);
  await ann.client.set({ order: "8" });
  await until("she is beside Bob again, and not in the scene that she has left", () => users(orders) === "1@8 2@8");
  let refused = "";
  presence(ann.client, "page").on("refused", ({ kind }) => refused = kind);
  await until("a key that is not declared is refused", () => refused === "not_found");
  await until("and the rest goes on", () => ann.client.state === "open" && users(orders) === "1@8 2@8");
  const none = await page("N", { page: "list" }, true);
  const nobody = presence(none.client, "order");
  await none.client.set({ order: "8" });
  await until("a page sees them that has come to be there", () => users(nobody) === "1@8 2@8" && nobody.anonymous === 1);
  orders.close();
  await until("she sees nobody", () => users(orders) === "");
});
