// The server library, and the server's own API beside it.
"use strict";
const assert = require("node:assert/strict");
const { describe, it } = require("node:test");
const { app, backend, connect, nodes, settings, subscribe, unique } = require("./harness");
const Server = require("pusher");

describe("the HTTP API", { concurrency: true }, () => {
  it("refuses what is signed with another secret, and what asks for too much", async () => {
    const [host, port] = nodes[0].split(":");
    const forger = new Server({ ...app, host, port, secret: "another" });
    await assert.rejects(forger.trigger("news", "e", {}), { status: 401 });
    await assert.rejects(backend().trigger("news", "e", "x".repeat(200_000)), { status: 413 });
    await assert.rejects(backend().get({ path: "/channels", params: { info: "user_count" } }), { status: 400 });
    await assert.rejects(backend().get({ path: "/channels/news/users" }), { status: 400 });
  });

  it("one app, all wires: a push of the server's own API reaches pusher-js", async () => {
    const name = unique("wires");
    const channel = await subscribe(await connect({ node: 1 }), name);
    const told = new Promise((resolve) => channel.bind("shipped", resolve));
    const answer = await fetch(`http://${nodes[0]}/v1/push`, {
      method: "POST",
      headers: { Authorization: `Bearer ${settings.apiKey}` },
      body: JSON.stringify({ to: `@channel == "${name}"`, event: "shipped", message: { order: 7 } }),
    });
    assert.equal((await answer.json()).matched, 1);
    assert.deepEqual(await told, { order: 7 });
  });
});
