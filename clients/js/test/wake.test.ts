// What happens to a page in a browser, of which Node has nothing.
import { test } from "node:test";
import { assert, delays, pass, push, settle, socket, sockets, start, stream, streams } from "./stage.ts";

const page = new EventTarget();
const document = Object.assign(new EventTarget(), { hidden: false, baseURI: "https://shop.example/cart/" });
Object.assign(globalThis, { document, location: { href: "https://shop.example/cart/#x" }, addEventListener: page.addEventListener.bind(page) });

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

test("it may become so while its token is fetched", async () => {
  let give: ((token: string) => void) | undefined;
  const { client } = start({ token: () => new Promise((resolve) => { give = resolve; }) });
  for (let i = 0; i < 3; i++) {
    await settle();
    if (i === 2) await happen("online"); // the attempt is by event stream, and stays so
    give!("t");
    await settle();
    if (i < 2) {
      await socket().lose();
      await pass(delays()[0]);
    }
  }
  assert.deepEqual([sockets.length, streams.length], [2, 1]);
  await stream().welcome();
  await pass(30000);
  assert.deepEqual([client.state, client.id], ["open", "2.2"]);
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
  await happen("online"); // while it is connecting, which it may finish
  await stream().welcome("a-5");
  assert.deepEqual([sockets.length, streams.length, client.state], [2, 2, "open"]);
  await happen("online");
  assert.deepEqual([sockets.length, stream().aborted, socket().params], [3, true, "since=a-5"]);
  await socket().welcome("a-5");

  // And the other way round: what has worked on the old network may not on the new one.
  await happen("online");
  await socket().lose();
  for (let i = 0; i < 2; i++) {
    await pass(delays()[0]);
    await socket().lose();
  }
  await pass(delays()[0]);
  assert.equal(streams.length, 3);
  client.close();
});
