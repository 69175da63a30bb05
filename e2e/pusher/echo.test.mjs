// Laravel Echo on top of pusher-js, with the names of events and channels that Laravel gives.
import assert from "node:assert/strict";
import { after, it } from "node:test";
import Echo from "laravel-echo";
import harness from "./harness.js";

const { byTransport, app, backend, connect, Queue, repeat, unique } = harness;

async function echo(o) {
  const client = await connect(o);
  const made = new Echo({ broadcaster: "pusher", key: app.key, client });
  after(() => made.disconnect());
  return made;
}

// ready waits until the channel of an Echo is subscribed to.
const ready = (channel) =>
  new Promise((resolve, reject) => {
    channel.subscribed(() => resolve(channel));
    channel.error(reject);
  });

byTransport("Laravel Echo", (transport) => {
  it("toOthers: an event reaches everybody but the page that has caused it", async () => {
    const name = unique("orders");
    const [a, b] = await Promise.all([echo({ transport, node: 0 }), echo({ transport, node: 1 })]);
    const [atA, atB] = [new Queue("at a"), new Queue("at b")];
    await Promise.all([ready(a.channel(name).listen("OrderShipped", (e) => atA.push(e))), ready(b.channel(name).listen("OrderShipped", (e) => atB.push(e)))]);
    await backend(2).trigger([name], "App\\Events\\OrderShipped", { order: { id: 7 } }, { socket_id: a.socketId() });
    await backend(2).trigger([name], "App\\Events\\OrderShipped", { order: { id: 8 } });
    await atA.expect({ order: { id: 8 } });
    await atB.expect({ order: { id: 7 } }, { order: { id: 8 } });
  });

  it("whispers, on a private channel", async () => {
    const name = unique("chat");
    const [a, b] = await Promise.all([echo({ transport, node: 1 }), echo({ transport, node: 2 })]);
    const heard = new Queue("whispers");
    const [atA] = await Promise.all([ready(a.private(name)), ready(b.private(name).listenForWhisper("typing", (e) => heard.push(e)))]);
    await repeat(() => atA.whisper("typing", { name: "Ann" }), heard.expect({ name: "Ann" }));
  });

  it("an encrypted private channel, and an event with a name of its own", async () => {
    const name = unique("secrets");
    const a = await echo({ transport });
    const heard = new Queue("events");
    await ready(a.encryptedPrivate(name).listen(".order.shipped", (e) => heard.push(e)));
    await backend(1).trigger(`private-encrypted-${name}`, "order.shipped", { card: "4242" });
    await heard.expect({ card: "4242" });
  });
});
