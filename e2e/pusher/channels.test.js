"use strict";
const assert = require("node:assert/strict");
const { it } = require("node:test");
const { byTransport, app, backend, client, connect, events, repeat, subscribe, unique } = require("./harness");

byTransport("channels", (transport) => {
  it("an event reaches whoever is subscribed, but for the socket_id that it leaves out", async () => {
    const name = unique("news");
    const [a, b] = await Promise.all([connect({ transport, node: 0 }), connect({ transport, node: 1 })]);
    const [atA, atB] = (await Promise.all([subscribe(a, name), subscribe(b, name)])).map((c) => events(c, "shipped"));
    await backend(2).trigger(name, "shipped", { order: 7, text: "é 订单 \u2028 😀 \"\\" }, { socket_id: a.connection.socket_id });
    await backend(0).trigger(name, "shipped", "as text");
    await atA.expect(["shipped", "as text"]);
    await atB.expect(["shipped", { order: 7, text: "é 订单 \u2028 😀 \"\\" }], ["shipped", "as text"]);
  });

  it("an event goes to several channels, several go in a batch, and the answer has the attributes asked for", async () => {
    const names = [unique("one"), unique("two")];
    const pusher = await connect({ transport });
    const [one, two] = (await Promise.all(names.map((n) => subscribe(pusher, n)))).map((c) => events(c, "e"));
    const answer = await (await backend(1).trigger(names, "e", 1, { info: "subscription_count" })).json();
    assert.deepEqual(answer, { channels: { [names[0]]: { subscription_count: 1 }, [names[1]]: { subscription_count: 1 } } });
    await one.expect(["e", 1]);
    await two.expect(["e", 1]);
    const batch = [
      { channel: names[0], name: "e", data: { n: 2 }, info: "subscription_count" },
      { channel: names[1], name: "e", data: { n: 3 } },
    ];
    assert.deepEqual(await (await backend().triggerBatch(batch)).json(), { batch: [{ subscription_count: 1 }, {}] });
    await one.expect(["e", { n: 2 }]);
    await two.expect(["e", { n: 3 }]);
  });

  it("who has unsubscribed gets nothing more, and may come again", async () => {
    const [name, other] = [unique("left"), unique("stayed")];
    const pusher = await connect({ transport });
    const told = events(pusher, "e");
    await Promise.all([subscribe(pusher, name), subscribe(pusher, other)]);
    pusher.unsubscribe(name);
    await subscribe(pusher, unique("behind")); // its answer comes behind the unsubscription
    await backend(1).trigger([name, other], "e", 1);
    await backend(1).trigger(other, "e", 2);
    await told.expect(["e", 1], ["e", 2]);
    pusher.unsubscribe(other); // in one turn, as where a page changes
    pusher.subscribe(other);
    await subscribe(pusher, unique("behind"));
    await backend(1).trigger(other, "e", 3);
    await told.expect(["e", 3]);
  });

  it("a private channel takes who has the signature, and no one else", async () => {
    const name = unique("private-orders");
    const pusher = await connect({ transport });
    const channel = await subscribe(pusher, name);
    const told = events(channel, "e");
    await backend(1).trigger(name, "e", "for few");
    await told.expect(["e", "for few"]);

    const forger = await connect({
      transport,
      channelAuthorization: { customHandler: (_, answer) => answer(null, { auth: `${app.key}:${"0".repeat(64)}` }) },
    });
    const failed = forger.subscribe(name);
    const [, error] = await events(failed, "pusher:subscription_error").next();
    assert.equal(error.status, 401, JSON.stringify(error));
    assert.equal(failed.subscribed, false);
  });

  it("client events reach the others, and not who has sent them", async () => {
    const name = unique("private-chat");
    const [a, b] = await Promise.all([connect({ transport, node: 0 }), connect({ transport, node: 1 })]);
    const [atA, atB] = await Promise.all([subscribe(a, name), subscribe(b, name)]);
    const [toldA, toldB] = [events(atA, "client-typing", "e"), events(atB, "client-typing", "e")];
    const type = () => assert.equal(atA.trigger("client-typing", { name: "Ann" }), true);
    await repeat(type, toldB.expect(["client-typing", { name: "Ann" }]));
    await backend().trigger(name, "e", 1);
    await toldA.expect(["e", 1]);
  });

  it("an encrypted channel is read by its members alone", async () => {
    const name = unique("private-encrypted-orders");
    const pusher = await connect({ transport, node: 1 });
    const channel = await subscribe(pusher, name);
    const told = events(channel, "e");
    const secret = { card: "4242", text: "geheim é" };
    await backend().trigger(name, "e", secret);
    await told.expect(["e", secret]);
  });

  it("bad channels and messages are told, and close nothing", async () => {
    const pusher = await connect({ transport });
    const errors = events(pusher.connection, "error");
    pusher.send_event("client-x", { n: 1 }, unique("public"));
    await errors.next();
    pusher.send_event("pusher:nonsense", {});
    await errors.next();
    const bad = pusher.subscribe("no spaces");
    const [, error] = await Promise.race([events(bad, "pusher:subscription_error").next(), errors.next()]);
    assert.ok(error, "no error");
    await subscribe(pusher, unique("still-here"));
  });

  it("an app that does not exist is told, and its pages stay away", async () => {
    const pusher = client({ transport, key: "nobody" });
    const [, error] = await events(pusher.connection, "error").next();
    assert.equal(error.data?.code ?? error.error?.data?.code, 4001, JSON.stringify(error));
    if (pusher.connection.state !== "failed" && pusher.connection.state !== "disconnected") {
      await events(pusher.connection, "failed", "disconnected").next();
    }
  });
});
