// The parts that need no server.
import { test } from "node:test";
import { backoff } from "../src/backoff.ts";
import { changeOf, type Change } from "../src/labels.ts";
import { createMemory, isPast } from "../src/position.ts";
import { createParser } from "../src/sse.ts";
import { assert } from "./stage.ts";

test("backoff doubles, ends at 30 s, is spread after a server that goes away, and may be nothing at all", () => {
  const waits: [failures: number, code: number, within: number][] = [
    [0, 1006, 1000], [1, 1006, 2000], [2, 4408, 4000], [4, 1006, 16000], [5, 1006, 30000], [100, 1006, 30000],
    [0, 4503, 10000], [0, 4429, 10000], [4, 4503, 16000], [9, 4429, 30000],
  ];
  for (const [failures, code, within] of waits) assert.equal(backoff(failures, code), within, `${failures} ${code}`);
  Math.random = () => 0;
  assert.equal(backoff(5, 4503), 0);
  Math.random = () => 1;
});

test("changes of labels", () => {
  const good: [any, Change][] = [
    [{}, []],
    [{ page: "home", "order-id": ["7", "8"], _x: null, y: [] }, [["page", ["home"]], ["order-id", ["7", "8"]], ["_x", []], ["y", []]]],
  ];
  for (const [labels, change] of good) assert.deepEqual(changeOf(labels), change);
  const bad: any[] = [
    { page: 7 }, { page: undefined }, { page: ["a", null] }, { page: {} }, { "9": "x" }, { "@id": "x" }, { "": "x" },
    { token: "x" }, { since: "x" }, { page_id: "x" }, "page", undefined, null,
  ];
  for (const labels of bad) assert.throws(() => changeOf(labels), TypeError, JSON.stringify(labels));
});

test("positions", () => {
  const past: [position: string, last: string, want: boolean][] = [
    ["a-1", "a-1", true], ["a-1", "a-2", true], ["a-2", "a-1", false], ["a-9", "a-10", true], ["a-10", "a-9", false],
    ["b-1", "a-2", false], ["a-1", "", false],
  ];
  for (const [position, last, want] of past) assert.equal(isPast(position, last), want, `${position} ${last}`);
});

test("a memory forgets the oldest", () => {
  const memory = createMemory(2);
  for (const member of ["a", "b", "a", "c"]) memory.add(member);
  assert.deepEqual(["a", "b", "c"].map(memory.has), [false, true, true]);
});

// [event, data, id] of each, however the text is cut.
const streams: [text: string, events: [string, string, string][]][] = [
  ["data: x\n\n", [["", "x", ""]]],
  ["id: a-1\nevent: e\ndata: {}\n\n", [["e", "{}", "a-1"]]],
  ["data: x\r\rdata: y\r\n\r\ndata: z\n\n", [["", "x", ""], ["", "y", ""], ["", "z", ""]]],
  ["data: x\r\n\ndata: y\n\r", [["", "x", ""], ["", "y", ""]]],
  ["data: a\ndata: b\r\ndata:c\rdata\n\n", [["", "a\nb\nc\n", ""]]],
  ["data:  two spaces\ndata::\n\n", [["", " two spaces\n:", ""]]],
  [": comment\n:\n\ndata: x\n\n: event: e\n\n", [["", "x", ""]]],
  ["event: e\nid: a-1\n\ndata: x\n\n", [["", "x", ""]]],
  ["nothing: x\nretry: 1\n DATA: x\ndatas: x\n\n", []],
  ["data\n\n", [["", "", ""]]],
  ["data: cut off\n", []],
  ["data: ", []],
];

test("event streams are parsed, however they are cut", () => {
  for (const [text, events] of streams) {
    for (const size of [1, 2, 3, 1000]) {
      const got: unknown[] = [];
      const feed = createParser((...event) => got.push(event));
      for (let i = 0; i < text.length; i += size) {
        feed(text.slice(i, i + size));
        feed(""); // of half a character, the decoder makes nothing
      }
      assert.deepEqual(got, events, `${JSON.stringify(text)} by ${size}`);
    }
  }
});
