// Which of a feed's events are shown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FeedQueue, LASTING, MOST } from "../src/feedqueue.js";

/** A queue that has taken the events from..to-1. */
function taken(queue, from, to) {
  for (let n = from; n < to; n++) queue.take(`{"n":${n}}`);
  return queue;
}

test("what comes is shown, the newest first", () => {
  const queue = taken(new FeedQueue(), 0, 3);
  assert.deepEqual(queue.next(0), [{ n: 2 }, { n: 1 }, { n: 0 }]);
  assert.deepEqual([queue.waiting, queue.leftOut], [0, 0]);
  assert.deepEqual(queue.next(250), []);
});

test("as many as are kept may come at once, and of more the newest are shown", () => {
  const queue = taken(new FeedQueue(), 0, MOST);
  assert.equal(queue.next(0).length, MOST);
  assert.equal(queue.leftOut, 0);
  const other = taken(new FeedQueue(), 0, MOST + 7);
  assert.equal(other.waiting, MOST);
  const shown = other.next(0);
  assert.deepEqual([shown.length, shown[0].n, shown.at(-1).n, other.leftOut], [MOST, MOST + 6, 7, 7]);
});

test("of many that come for long, the newest are shown, so many a second, and the others counted", () => {
  const queue = taken(new FeedQueue(), 0, MOST);
  queue.next(0);
  let all = 0;
  for (let at = 250; at <= 10_000; at += 250) {
    const shown = taken(queue, all, all + 250).next(at);
    all += 250;
    assert.deepEqual(shown.map(({ n }) => n), Array.from({ length: LASTING / 4 }, (_, i) => all - 1 - i));
  }
  assert.deepEqual([queue.leftOut, queue.flooded], [all - 10 * LASTING, true]);
  assert.equal(taken(queue, 0, 1).next(10_000).length, 0, "in no time none more");
  queue.next(60_000);
  assert.equal(taken(queue, 0, MOST).next(60_000).length, MOST, "after a pause, all again");
  assert.equal(queue.flooded, false);
});
