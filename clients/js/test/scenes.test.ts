// What several parts of a page show at once, by a client that writes down what it is told.
import assert from "node:assert/strict";
import { test } from "node:test";
import { enter } from "../frameworks/scenes.ts";
import { settle } from "./clock.ts";

/** A client that is open, and refuses sets in which a label is "bad". */
function recorder() {
  const sets: object[] = [], listeners = new Set<(state: string) => void>();
  const client: any = {
    state: "open",
    on: (_: string, listener: (state: string) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set: async (labels: object) => {
      sets.push(labels);
      if (Object.values(labels).includes("bad")) throw Object.assign(new Error("refused"), { kind: "invalid" });
    },
    become: async (state: string) => {
      client.state = state;
      for (const listener of [...listeners]) listener(state);
      await settle();
    },
  };
  return { client, take: () => sets.splice(0) };
}

test("a label that is refused keeps those of other parts from nothing", async (t) => {
  const reported = t.mock.method(console, "error", () => {});
  const { client, take } = recorder();
  enter(client, { page: "home" });
  const leave = enter(client, { tag: "bad" });
  await settle();
  assert.deepEqual(take(), [{ page: "home", tag: "bad" }, { page: "home" }, { tag: "bad" }]);
  assert.equal(reported.mock.callCount(), 1);
  leave();
  await settle();
  assert.deepEqual(take(), [{ tag: null }]);
});

test("a page that connects again shows what its parts show", async () => {
  const { client, take } = recorder();
  const leave = enter(client, { page: "home" });
  await settle();
  await client.become("waiting"); // the client itself carries the labels along
  await client.become("connecting");
  await client.become("open");
  assert.deepEqual(take(), [{ page: "home" }]);
  await client.become("closed");
  enter(client, { order: "7" });
  await settle();
  assert.deepEqual(take(), []);
  await client.become("connecting");
  assert.deepEqual(take(), [{ page: "home", order: "7" }]);
  await client.become("closed");
  leave();
  await client.become("connecting");
  assert.deepEqual(take(), [{ order: "7" }]);
});
