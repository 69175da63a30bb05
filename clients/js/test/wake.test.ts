// What happens to a page in a browser, of which Node has nothing.
import { test } from "node:test";
import { createClient } from "../src/index.ts";
import { assert, delays, pass, push, settle, socket, sockets, start, stream, streams, Socket } from "./stage.ts";

let listeners = 0;

/** A target of events that counts its listeners. */
class Target extends EventTarget {
  addEventListener(name: string, listener: any, options?: any) {
    super.addEventListener(name, listener, options);
    listeners++;
    options?.signal?.addEventListener("abort", () => { listeners--; });
  }
}

const page = new Target();
const document = Object.assign(new Target(), { hidden: false, prerendering: false, baseURI: "https://shop.example/cart/" });
Object.assign(globalThis, { document, location: { href: "https://shop.example/cart/#x" }, addEventListener: page.addEventListener.bind(page) });

/** The channels of all pages; what one says, the others hear at once. */
class Channel {
  static open = new Set<Channel>();
  onmessage: ((event: { data: unknown }) => void) | undefined;
  constructor(readonly name: string) { Channel.open.add(this); }
  postMessage(data: unknown) {
    assert.ok(Channel.open.has(this));
    for (const other of Channel.open) if (other !== this && other.name === this.name) other.onmessage?.({ data });
  }
  close() { Channel.open.delete(this); }
}
Object.assign(globalThis, { BroadcastChannel: Channel });

const happen = async (name: string, more = {}) => {
  page.dispatchEvent(Object.assign(new Event(name), more));
  await settle();
};
const show = async (hidden: boolean) => {
  document.hidden = hidden;
  document.dispatchEvent(new Event("visibilitychange"));
  await settle();
};

test("addresses are the page's", () => {
  const addresses: [url: string | undefined, address: string][] = [
    [undefined, "wss://shop.example/v1/connect"],
    ["/p/v1/connect", "wss://shop.example/p/v1/connect"],
    ["connect", "wss://shop.example/cart/connect"],
  ];
  for (const [url, address] of addresses) {
    const { client } = start({ url });
    assert.equal(socket().url.href.split("?")[0], address);
    client.close();
  }
});

test("a page that becomes visible or online tries at once", async () => {
  for (const wake of [() => happen("online"), () => show(false), () => happen("pageshow", { persisted: true })]) {
    const { client } = start();
    await (await socket().welcome("a-5")).lose();
    await show(true);
    assert.equal(sockets.length, 1);
    await wake();
    assert.deepEqual([sockets.length, client.state, socket().params], [2, "connecting", "since=a-5"]);
    client.close();
    await wake();
    assert.equal(sockets.length, 2);
    assert.deepEqual(delays(), []);
  }
});

test("it asks an open socket whether it lives, and gives it no more time for being asked twice", async () => {
  for (const wake of [() => happen("online"), () => show(false)]) {
    const { client } = start();
    await socket().welcome();
    await wake();
    assert.deepEqual(socket().sent, [{ type: "ping" }]);
    await pass(9000);
    await wake();
    assert.deepEqual(socket().sent, [{ type: "ping" }]);
    await pass(1000);
    assert.equal(client.state, "waiting");
    client.close();
  }
});

test("a page that is left lets go, and comes back from the back/forward cache where it was", async () => {
  const { client, log, shown } = start();
  await (await socket().welcome("a-5")).receive(push("a-6", 6));
  await happen("pagehide");
  assert.deepEqual([client.state, socket().closed, log[log.length - 1], delays()], ["waiting", 1000, "close 1000", []]);
  await happen("pageshow", { persisted: false });
  assert.equal(sockets.length, 1);
  await happen("pageshow", { persisted: true });
  assert.equal(socket().params, "since=a-6");
  await (await socket().welcome("a-7")).receive(push("a-7", 7));
  assert.deepEqual(shown, [6, 7]);
  client.close();
  await happen("pagehide");
  assert.equal(client.state, "closed");
});

test("a page that is prerendered connects when it is shown, with what was set meanwhile", async () => {
  document.prerendering = true;
  let asked = 0;
  const { client, log } = start({ token: () => `token ${++asked}`, labels: { page: "home" } });
  const moved = client.set({ page: "list" });
  await happen("online");
  await pass(60000);
  assert.deepEqual([asked, sockets.length, streams.length, client.state], [0, 0, 0, "waiting"]);
  document.prerendering = false;
  document.dispatchEvent(new Event("prerenderingchange"));
  await settle();
  assert.deepEqual([asked, sockets.length, socket().params], [1, 1, "page=list"]);
  await socket().welcome();
  await moved;
  assert.deepEqual(log, ["state waiting", "state connecting", "state open", "open", "welcome 1.1"]);
  client.close();
});

test("a page that comes online while it connects tries anew at once", async () => {
  const { client, log } = start();
  await pass(1000);
  await show(false); // which says nothing about the network
  assert.equal(sockets.length, 1);
  await happen("online");
  assert.deepEqual([sockets.length, sockets[0].closed, client.state], [2, 1000, "connecting"]);
  await sockets[0].lose();
  await socket().welcome();
  assert.deepEqual(log, ["state connecting", "state open", "open", "welcome 1.1"]);
  client.close();
});

test("clients that are closed leave no listeners", async () => {
  assert.equal(listeners, 0);
  const clients = Array.from({ length: 500 }, () => start().client);
  clients.forEach((client) => client.close());
  assert.equal(listeners, 0);
  const { client } = start();
  assert.equal(listeners, 5);
  await (await socket().welcome()).lose(4403); // refused
  assert.equal(listeners, 0);
  client.on("state", (state) => state === "connecting" && client.close());
  client.connect({ url: "ws://host/v1/connect", token: "t", WebSocket: Socket });
  assert.deepEqual([client.state, listeners], ["closed", 0]);
});

test("it may come online while its token is fetched, or while its event stream is opened", async () => {
  let give: ((token: string) => void) | undefined;
  const { client } = start({ token: () => new Promise((resolve) => { give = resolve; }) });
  for (let i = 0; i < 3; i++) {
    await settle();
    if (i === 1) {
      const stale = give!;
      await happen("online");
      stale("stale");
    }
    give!("t");
    await settle();
    if (i < 2) {
      assert.equal(socket().token, "t");
      await socket().lose();
      await pass(delays()[0]);
    }
  }
  assert.deepEqual([sockets.length, streams.length], [3, 0]); // another network counts anew
  await socket().lose();
  await pass(delays()[0]);
  give!("t");
  await settle();
  assert.deepEqual([sockets.length, streams.length], [3, 1]);
  await happen("online");
  give!("t");
  await settle();
  assert.deepEqual([sockets.length, stream().aborted], [4, true]);
  await socket().welcome();
  await pass(30000);
  assert.equal(socket().sent.length, 1);
  client.close();
});

test("an address that cannot be leaves nothing behind", async () => {
  assert.throws(() => start({ url: "ws://host:x/" }));
  await happen("online");
  await happen("pagehide");
});

test("another network may let WebSocket through", async () => {
  const { client } = start();
  await socket().lose();
  await pass(1000);
  await socket().lose();
  await pass(2000);
  await stream().welcome("a-5");
  await show(false); // is no other network, and a stream cannot be asked
  assert.deepEqual([sockets.length, streams.length, client.state], [2, 1, "open"]);
  await stream().end();
  await pass(delays()[0]);
  await happen("online"); // while it is connecting
  assert.deepEqual([sockets.length, streams.length, stream().aborted], [3, 2, true]);
  await socket().lose();
  await pass(delays()[0]);
  await stream().welcome("a-5");
  assert.deepEqual([sockets.length, streams.length, client.state], [3, 3, "open"]);
  await happen("online");
  assert.deepEqual([sockets.length, stream().aborted, socket().params], [4, true, "since=a-5"]);
  await socket().welcome("a-5");

  // And the other way round: what has worked on the old network may not on the new one.
  await happen("online");
  await socket().lose();
  for (let i = 0; i < 2; i++) {
    await pass(delays()[0]);
    await socket().lose();
  }
  await pass(delays()[0]);
  assert.equal(streams.length, 4);
  client.close();
});

let random = 0;

/** Pages of one site that have event streams only, each with a document of its own. */
async function openPages(n: number, url = "ws://host/v1/connect") {
  const socketClass = globalThis.WebSocket;
  globalThis.WebSocket = undefined as any;
  Math.random = () => random += 1 / 1024; // by which pages are told apart
  const pages = [];
  for (let i = 0; i < n; i++) {
    const own = Object.assign(new Target(), { hidden: false });
    Object.assign(globalThis, { document: own });
    const client = createClient(), reasons: string[] = [];
    client.on("close", ({ code, reason }) => reasons.push(`${code} ${reason}`));
    client.connect({ url, token: "t" });
    await stream().welcome("a-5");
    const show = async () => {
      own.dispatchEvent(new Event("visibilitychange"));
      await settle();
    };
    pages.push({ client, reasons, show, stream: stream() });
  }
  Object.assign(globalThis, { document, WebSocket: socketClass });
  return pages;
}

test("of many pages with event streams, the four that were shown last keep theirs", async () => {
  start().client.close();
  const pages = await openPages(5), elsewhere = await openPages(1, "ws://other/v1/connect");
  const states = () => pages.map(({ client }) => client.state);
  assert.deepEqual([states(), elsewhere[0].client.state], [["waiting", "open", "open", "open", "open"], "open"]);
  assert.deepEqual(pages[0].reasons, ["4001 yielded to the event streams of pages that were shown later"]);
  assert.equal(pages[0].stream.aborted, true);
  await pass(20000); // it does not come back by itself
  assert.equal(streams.length, 6);
  const moved = pages[4].client.set({ page: "list" }); // by another stream in place of its own, which takes no place more
  await stream().welcome("a-5");
  await moved;
  assert.deepEqual(states(), ["waiting", "open", "open", "open", "open"]);

  await pages[1].show(); // has one, and is now the last to yield it
  await pages[0].show(); // comes back where it was
  assert.equal(stream().params, "since=a-5");
  await stream().welcome("a-5");
  assert.deepEqual(states(), ["open", "open", "waiting", "open", "open"]);

  pages[3].client.close(); // leaves a place
  await pages[2].show();
  await stream().welcome("a-5");
  assert.deepEqual(states(), ["open", "open", "open", "closed", "open"]);
  for (const { client } of [...pages, ...elsewhere]) client.close();
  assert.equal(Channel.open.size, 0);
});

test("over HTTP/2, all of them keep theirs", async () => {
  const entries = [{ name: "first-paint" }, { name: "https://host/app.js", nextHopProtocol: "h2" }];
  Object.defineProperty(performance, "getEntries", { value: () => entries, configurable: true });
  const pages = await openPages(6);
  assert.deepEqual(pages.map(({ client }) => client.state), Array(6).fill("open"));
  pages.forEach(({ client }) => client.close());
  delete (performance as any).getEntries;
});
