// What completes an audience's text: where the caret stands, and what is offered.
import assert from "node:assert/strict";
import { test } from "node:test";
import { completer, place } from "../src/completion.js";

test("the place before the caret, which stands at |", () => {
  const key = (from, to) => ({ kind: "key", from, to }), value = (of, from, to) => ({ kind: "value", key: of, from, to });
  for (const [text, want] of [
    ["|", key(0, 0)],
    ["pa|", key(0, 2)],
    ["p|age", key(0, 4)],
    ["|page", key(0, 4)],
    ["@us|", key(0, 3)],
    ["page |", null],
    ["page =|", null],
    ["page ==|", value("page", 7, 7)],
    ["page == |", value("page", 8, 8)],
    ['page == "ho|', value("page", 8, 11)],
    ['page == "ho|me" && x', value("page", 8, 14)],
    ['page == "home"|', null],
    ["page != 'h|", value("page", 8, 10)],
    ['page == "a\\"b|', value("page", 8, 13)],
    ['page == "home" && |', key(18, 18)],
    ['page == "home" && pl|', key(18, 20)],
    ['page == "home" || (|', key(19, 19)],
    ["!|", key(1, 1)],
    ["page in [|", value("page", 9, 9)],
    ['page in ["a", |', value("page", 14, 14)],
    ['page in ["a" |', null],
    ['page in ["a"] && |', key(17, 17)],
    ["has(|", key(4, 4)],
    ["has(pl|", key(4, 6)],
    ["has(plan)|", null],
    ["locale.startsWith(|", value("locale", 18, 18)],
    ['locale.startsWith("z|', value("locale", 18, 20)],
    ["*|", null],
  ]) {
    const caret = text.indexOf("|") === text.lastIndexOf("|") ? text.indexOf("|") : text.lastIndexOf("|");
    assert.deepEqual(place(text.slice(0, caret) + text.slice(caret + 1), caret), want, text);
  }
});

test("any text has a place, or none", () => {
  const parts = ["page", "@user", " ", "==", "!=", "in", "[", "]", ",", '"', "'", "\\", "&&", "||", "|", "!", "(", ")", ".startsWith(", "*", "é", "中"];
  let seed = 1;
  for (let round = 0; round < 2000; round++) {
    let text = "";
    for (let i = 0; i < 8; i++) text += parts[(seed = (seed * 48271) % 2147483647) % parts.length];
    for (let caret = 0; caret <= text.length; caret++) {
      const at = place(text, caret);
      if (at) assert.ok(at.from <= caret && caret <= at.to && at.to <= text.length, `${text} at ${caret}: ${JSON.stringify(at)}`);
    }
  }
});

test("keys and values are those that pages have", async () => {
  const asked = [];
  const complete = completer({
    get: async (path) => asked.push(path) && (path.includes("key=")
      ? { values: [{ value: "home", connections: 3 }, { value: 'a"b', connections: 1 }] }
      : { keys: [{ key: "@id", connections: 4 }, { key: "page", connections: 4 }, { key: "plan", connections: 1 }] }),
  });
  assert.deepEqual((await complete("p", 1)).options, [{ text: "page", note: "4" }, { text: "plan", note: "1" }]);
  assert.deepEqual((await complete("", 0)).options.map(({ text }) => text), ["@id", "page", "plan"]);
  assert.deepEqual(await complete("page == ", 8), {
    kind: "value", key: "page", from: 8, to: 8, options: [{ text: '"home"', note: "3" }, { text: '"a\\"b"', note: "1" }],
  });
  assert.deepEqual((await complete('page == "h', 10)).options.map(({ text }) => text), ['"home"']);
  assert.deepEqual(asked, ["v1/labels?limit=100", "v1/labels?key=page&limit=100"]); // each is asked once
});
