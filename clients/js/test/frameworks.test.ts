// The parts for React and for Vue, against the real server. React's are in a browser in e2e, with examples/spa.
import { test } from "node:test";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { createSSRApp, effectScope, nextTick, ref } from "vue";
import { renderToString as renderVue } from "vue/server-renderer";
import { createClient, type Client } from "../src/index.ts";
import * as react from "../frameworks/react.ts";
import * as vue from "../frameworks/vue.ts";
import { assert, Page, Server, until } from "./real.ts";

const settings = {
  SCENECAST_APPS: JSON.stringify({
    shop: {
      client_tokens: [{ token: "A", user: "1", labels: { name: "Ann" } }, "N"],
      api_keys: [{ name: "k", key: "key-of-the-shop" }],
      presence: [{ key: "order", show: ["name"], linger: "50ms" }],
    },
  }),
};

/** A client to which nothing may happen. */
const untouched = (): Client => new Proxy(createClient(), { get: (client, name) => name === "on" || name === "set" || name === "connect" ? () => assert.fail(`${String(name)} is called`) : (client as any)[name] });

test("React on a server renders, and does nothing else", () => {
  const client = untouched();
  const Part = () => {
    react.usePush(() => assert.fail(), "e", client);
    return createElement("p", null, react.useScene({ page: "home" }, client), react.usePresence("order", client).count);
  };
  assert.equal(renderToString(createElement(Part)).replace(/<!-- -->/g, ""), "<p>idle0</p>");
});

test("Vue on a server renders, and does nothing else", async () => {
  const client = untouched();
  const app = createSSRApp({
    setup() {
      vue.usePush(() => assert.fail(), "e", client);
      const state = vue.useScene({ page: "home" }, client), here = vue.usePresence("order", client);
      return () => `${state.value}${here.value.count}`;
    },
  });
  assert.equal(await renderVue(app), "idle0");
});

test("Vue's parts move the page, get its pushes, and see who is there", async () => {
  const server = await Server.start(undefined, settings);
  const ann = new Page({ url: server.url, token: "A", labels: { order: "7" } }), page = new Page({ url: server.url, token: "N", labels: {} });
  await Promise.all([ann.welcome(), page.welcome()]);
  const order = ref("6"), got: unknown[] = [];
  const layout = effectScope(), part = effectScope();
  const state = layout.run(() => vue.useScene({ page: "shop", order: "none" }, page.client))!;
  const here = part.run(() => {
    vue.useScene(() => ({ page: "order", order: order.value }), page.client);
    vue.usePush((data) => got.push(data), "shipped", page.client);
    return vue.usePresence("order", page.client);
  })!;
  assert.equal(state.value, "open");
  const count = async (to: string) => {
    const answer = await fetch(`http://${server.address}/v1/audience`, { method: "POST", headers: { Authorization: "Bearer key-of-the-shop" }, body: JSON.stringify({ to }) });
    return (await answer.json() as { matched: number }).matched;
  };
  const reaches = async (to: string, n: number) => {
    for (const start = Date.now(); await count(to) !== n;) if (Date.now() - start > 20000) assert.fail(`${to} does not match ${n} pages`);
  };
  await reaches('page == "order" && order == "6"', 1);
  assert.equal(await count('order == "none"'), 0);
  order.value = "7";
  await nextTick();
  await until("Ann is seen", () => here.value.members.some(({ labels }) => labels.name === "Ann"));
  await reaches('page == "order" && order == "7"', 1);
  for (const event of ["other", "shipped"]) {
    await fetch(`http://${server.address}/v1/push`, { method: "POST", headers: { Authorization: "Bearer key-of-the-shop" }, body: JSON.stringify({ to: 'page == "order"', event, message: event }) });
  }
  await until("the push is there", () => got.length > 0);
  assert.deepEqual(got, ["shipped"]);

  part.stop(); // the layout's labels count again
  await reaches('page == "shop" && order == "none"', 1);
  layout.stop();
  await reaches("has(page)", 0);
});

test("a scene that is entered before the page connects goes along when it does", async () => {
  const server = await Server.start(undefined, settings);
  const client = createClient(), scope = effectScope();
  const state = scope.run(() => vue.useScene({ order: "9" }, client))!;
  const page = new Page({ url: server.url, token: "A", labels: { order: "9" } });
  await page.welcome();
  const seen = effectScope().run(() => vue.usePresence("order", page.client))!;
  await until("she is alone", () => seen.value.count === 1 && seen.value.anonymous === 0);
  client.connect({ url: server.url, token: "N", WebSocket: (await import("ws")).default as any });
  await until("somebody has come", () => seen.value.anonymous === 1 && state.value === "open");
  scope.stop();
  await until("and has left the scene", () => seen.value.anonymous === 0);
  client.close();
});
