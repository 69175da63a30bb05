"use strict";
const assert = require("node:assert/strict");
const { describe, it } = require("node:test");
const { byTransport, backend, connect, eventually, events, repeat, subscribe, unique } = require("./harness");

const ids = (channel) => Object.keys(channel.members.members).sort();

byTransport("presence", (transport) => {
  it("members come and go once, over tabs and nodes", async () => {
    const name = unique("presence-room");
    const ann = await connect({ transport, node: 0, member: { user_id: "ann", user_info: { name: "Ann é" } } });
    const room = await subscribe(ann, name);
    assert.deepEqual(ids(room), ["ann"]);
    assert.deepEqual(room.members.me, { id: "ann", info: { name: "Ann é" } });
    const told = events(room, "pusher:member_added", "pusher:member_removed", "mark");

    const tabs = await Promise.all([1, 2].map((node) => connect({ transport, node, member: { user_id: "bob", user_info: { name: "Bob" } } })));
    const [first, second] = [await subscribe(tabs[0], name), await subscribe(tabs[1], name)];
    await told.expect(["pusher:member_added", { id: "bob", info: { name: "Bob" } }]);
    await Promise.all([first, second].map((each) => eventually(() => ids(each), ["ann", "bob"])));
    assert.equal(second.members.count, 2);
    assert.deepEqual(first.members.get("ann"), { id: "ann", info: { name: "Ann é" } });

    const get = async (node, path, params) => (await backend(node).get({ path, params })).json();
    await eventually(async () => (await get(1, `/channels/${name}/users`)).users.map((u) => u.id).sort(), ["ann", "bob"]);
    await eventually(() => get(2, `/channels/${name}`, { info: "user_count" }), { occupied: true, user_count: 2 });

    tabs[0].unsubscribe(name);
    await subscribe(tabs[0], unique("behind")); // its answer comes behind the unsubscription
    await backend().trigger(name, "mark", 1);
    await told.expect(["mark", 1]);
    tabs[1].disconnect();
    await told.expect(["pusher:member_removed", { id: "bob", info: { name: "Bob" } }]);
    assert.deepEqual(ids(room), ["ann"]);
  });

  it("a client event says which member has sent it", async () => {
    const name = unique("presence-chat");
    const [a, b] = await Promise.all([1, 2].map((id) => connect({ transport, node: id, member: { user_id: `u${id}` } })));
    const [atA, atB] = await Promise.all([subscribe(a, name), subscribe(b, name)]);
    const told = new Promise((resolve) => atB.bind("client-typing", (data, metadata) => resolve([data, metadata])));
    assert.deepEqual(await repeat(() => atA.trigger("client-typing", { n: 1 }), told), [{ n: 1 }, { user_id: "u1" }]);
  });

  it("who signs in is known, gets what is sent to the user, and is sent away with all tabs", async () => {
    const user = { id: unique("user"), user_info: { name: "Cleo" } };
    const tabs = await Promise.all([0, 1].map((node) => connect({ transport, node, user })));
    const told = tabs.map((tab) => events(tab.user, "letter"));
    await Promise.all(
      tabs.map(async (tab) => {
        tab.signin();
        await tab.user.signinDonePromise;
        assert.equal(tab.user.user_data.id, user.id);
        const own = tab.user.serverToUserChannel;
        if (!own.subscribed) await events(own, "pusher:subscription_succeeded").next();
      }),
    );
    await backend(2).sendToUser(user.id, "letter", { text: "dear Cleo" });
    await Promise.all(told.map((t) => t.expect(["letter", { text: "dear Cleo" }])));

    // A member without channel_data is who has signed in.
    const name = unique("presence-signed");
    const room = await subscribe(tabs[0], name);
    assert.deepEqual(room.members.me, { id: user.id, info: user.user_info });

    const gone = tabs.map((t) => events(t.connection, "disconnected", "unavailable", "failed"));
    await backend(2).terminateUserConnections(user.id);
    await Promise.all(gone.map((g) => g.next()));
  });

  it("who watches users is told when they come and go", async () => {
    const [watched, watcher] = [unique("watched"), unique("watcher")];
    const a = await connect({ transport, node: 0, user: { id: watcher, watchlist: [watched] } });
    const told = events(a.user.watchlist, "online", "offline");
    a.signin();
    await a.user.signinDonePromise;
    await told.expect(["offline", { name: "offline", user_ids: [watched] }]);
    const b = await connect({ transport, node: 1, user: { id: watched } });
    b.signin();
    await told.expect(["online", { name: "online", user_ids: [watched] }]);
    b.disconnect();
    await told.expect(["offline", { name: "offline", user_ids: [watched] }]);
  });
});

describe("presence in the HTTP API", () => {
  it("lists channels, with what is asked of each", async () => {
    const name = unique("presence-listed");
    const [, b] = await Promise.all(["x", "y"].map(async (id, node) => subscribe(await connect({ node, member: { user_id: id } }), name)));
    assert.equal(b.subscribed, true);
    const params = { filter_by_prefix: name, info: "user_count" };
    await eventually(async () => (await backend(2).get({ path: "/channels", params })).json(), { channels: { [name]: { user_count: 2 } } });
    const empty = await (await backend(1).get({ path: `/channels/${unique("empty")}`, params: { info: "subscription_count" } })).json();
    assert.equal(empty.occupied, false);
  });
});
