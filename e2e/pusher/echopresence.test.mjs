// Laravel Echo on top of pusher-js, with the names of events and channels that Laravel gives.
import assert from "node:assert/strict";
import { after, it } from "node:test";
import Echo from "laravel-echo";
import harness from "./harness.js";

const { byTransport, app, connect, eventually, Queue, unique } = harness;

async function echo(o) {
  const client = await connect(o);
  const made = new Echo({ broadcaster: "pusher", key: app.key, client });
  after(() => made.disconnect());
  return made;
}

byTransport("Laravel Echo", (transport) => {
  it("here, joining and leaving", async () => {
    const name = unique("room");
    const [a, b] = await Promise.all(
      ["ann", "bob"].map((id, node) => echo({ transport, node, member: { user_id: id, user_info: { id, name: id.toUpperCase() } } })),
    );
    const told = new Queue("members");
    await new Promise((resolve) =>
      a
        .join(name)
        .joining((member) => told.push(["joining", member]))
        .leaving((member) => told.push(["leaving", member]))
        .here((members) => {
          assert.deepEqual(members, [{ id: "ann", name: "ANN" }]);
          resolve();
        }),
    );
    const members = []; // at another node, which hears of Ann in its own time
    b.join(name).joining((member) => members.push(member)).here((all) => members.push(...all));
    await eventually(() => members.map((m) => m.id).sort(), ["ann", "bob"]);
    await told.expect(["joining", { id: "bob", name: "BOB" }]);
    b.leave(name);
    await told.expect(["leaving", { id: "bob", name: "BOB" }]);
  });
});
