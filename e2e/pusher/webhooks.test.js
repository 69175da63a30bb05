// Webhooks, as the server library believes them.
"use strict";
const assert = require("node:assert/strict");
const { describe, it } = require("node:test");
const { backend, connect, control, repeat, subscribe, unique } = require("./harness");

describe("webhooks", () => {
  it("are what the library believes, and tell what has happened", async () => {
    const [room, chat, cache] = [unique("presence-hooked"), unique("private-hooked"), unique("cache-hooked")];
    const pusher = await connect({ node: 1, member: { user_id: "dora", user_info: {} } });
    await subscribe(pusher, room);
    const said = await subscribe(pusher, chat);
    await subscribe(pusher, cache);
    const socket_id = pusher.connection.socket_id;
    const wanted = [
      { name: "channel_occupied", channel: room },
      { name: "member_added", channel: room, user_id: "dora" },
      { name: "channel_occupied", channel: chat },
      { name: "client_event", channel: chat, event: "client-said", data: '{"n":1}', socket_id },
      { name: "cache_miss", channel: cache },
    ];
    const gone = [
      { name: "member_removed", channel: room, user_id: "dora" },
      { name: "channel_vacated", channel: room },
      { name: "channel_vacated", channel: chat },
    ];
    let seen = 0;
    const told = async (events) => {
      const missing = events.map((e) => JSON.stringify(e, Object.keys(e).sort()));
      while (missing.length > 0) {
        const { headers, body } = await control(`/webhooks?after=${seen++}`);
        const webhook = backend().webhook({ headers, rawBody: body });
        assert.equal(webhook.isValid(), true, body);
        assert.equal(headers["content-type"], "application/json");
        assert.ok(Math.abs(webhook.getTime() - Date.now()) < 600_000);
        for (const event of webhook.getEvents()) {
          const at = missing.indexOf(JSON.stringify(event, Object.keys(event).sort()));
          if (at >= 0) missing.splice(at, 1);
        }
      }
    };
    await repeat(() => said.trigger("client-said", { n: 1 }), told(wanted));
    pusher.disconnect();
    await told(gone);
  });
});
