"use strict";
const assert = require("node:assert/strict");
const { it } = require("node:test");
const { byTransport, backend, connect, events, subscribe, unique } = require("./harness");

byTransport("cached and counted", (transport) => {
  it("a cache channel shows its last event to who comes later, and says where there is none", async () => {
    for (const prefix of ["cache", "private-cache", "private-encrypted-cache", "presence-cache"]) {
      const [name, empty] = [unique(prefix), unique(prefix)];
      await backend(1).trigger(name, "price", { is: 41 });
      await backend(1).trigger(name, "price", { is: 42 });
      const pusher = await connect({ transport, member: { user_id: "1" } });
      const channel = pusher.subscribe(name);
      await events(channel, "price", "pusher:cache_miss").expect(["price", { is: 42 }]);
      const [missed] = await events(pusher.subscribe(empty), "pusher:cache_miss", "price").next();
      assert.equal(missed, "pusher:cache_miss", prefix);
    }
  });

  it("pages are told how many are subscribed", async () => {
    const name = unique("counted");
    const [a, b] = await Promise.all([connect({ transport, node: 0 }), connect({ transport, node: 1 })]);
    const channel = a.subscribe(name);
    const told = events(channel, "pusher:subscription_count");
    const untilCount = async (want) => {
      for (let count; count !== want; ) {
        count = (await told.next())[1].subscription_count;
        assert.ok(count <= 2, `counted ${count}`);
      }
    };
    await untilCount(1);
    await subscribe(b, name);
    await untilCount(2);
    assert.equal(channel.subscriptionCount, 2);
    b.disconnect();
    await untilCount(1);
  });
});
