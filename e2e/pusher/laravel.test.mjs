// Laravel broadcasts, and Laravel Echo hears it: laravel/server.php is the application.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import Echo from "laravel-echo";
import harness from "./harness.js";

const { settings, app, connect, Queue, patience } = harness;
const laravel = process.env.LARAVEL;

async function echo(user, transport) {
  const client = await connect({
    transport,
    channelAuthorization: { endpoint: `${laravel}/broadcasting/auth`, transport: "ajax", headers: { "X-User": user } },
  });
  const made = new Echo({ broadcaster: "pusher", key: app.key, client });
  after(() => made.disconnect());
  return made;
}

const listen = (e, order, heard) =>
  new Promise((resolve, reject) => e.private(`orders.${order}`).listen(".OrderShipped", (event) => heard.push(event)).subscribed(resolve).error(reject));

async function ship(order, socketId) {
  const answer = await fetch(`${laravel}/ship?order=${order}`, {
    method: "POST",
    headers: socketId ? { "X-Socket-ID": socketId } : {},
    signal: AbortSignal.timeout(patience),
  });
  const body = await answer.json();
  assert.equal(answer.status, 200, body.error);
  assert.match(body.laravel, /^8\./);
}

describe("Laravel", { concurrency: true }, () => {
  settings.transports.forEach((transport, order) => {
    it(`broadcast(new OrderShipped)->toOthers(), by ${transport}`, async () => {
      const [ann, bob] = await Promise.all([echo("ann", transport), echo("bob", transport)]);
      const [atAnn, atBob] = [new Queue("at ann"), new Queue("at bob")];
      await Promise.all([listen(ann, order, atAnn), listen(bob, order, atBob)]);
      await ship(order, ann.socketId());
      await ship(order);
      await atBob.expect({ order }, { order });
      await atAnn.expect({ order });
      assert.equal(atAnn.items.length, 0);
    });
  });

  it("refuses who may not listen", async () => {
    const [stranger] = await Promise.all([echo("ann", settings.transports[0])]);
    await assert.rejects(listen(stranger, 100, new Queue("nothing")), (error) => error.status === 403);
  });

  it("says who is in a presence channel", async () => {
    const ann = await echo("ann", settings.transports[0]);
    const members = await new Promise((resolve, reject) => ann.join("room.1").here(resolve).error(reject));
    assert.deepEqual(members, [{ id: "ann", name: "ANN" }]);
  });
});
