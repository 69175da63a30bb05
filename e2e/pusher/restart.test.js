// Pages come back by themselves to a server that has restarted, and to their channels.
"use strict";
const { describe, it } = require("node:test");
const { settings, backend, connect, control, events, subscribe, unique } = require("./harness");

describe("a restart", () => {
  it("is got over by clients of all transports", async () => {
    const name = unique("private-kept");
    const clients = await Promise.all(
      settings.transports.map(async (transport) => {
        const pusher = await connect({ transport, member: { user_id: transport } });
        const channel = await subscribe(pusher, name);
        return { events: events(channel, "e"), again: events(channel, "pusher:subscription_succeeded") };
      }),
    );
    await control("/restart");
    await Promise.all(clients.map((c) => c.again.next()));
    await backend().trigger(name, "e", "after");
    await Promise.all(clients.map((c) => c.events.expect(["e", "after"])));
  });
});
