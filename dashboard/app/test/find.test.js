// What the screen Pages asks for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { queryOf, ways } from "../src/find.js";

test("each way to find pages is a query that the server takes", () => {
  for (const [way, value, want] of [
    ["to", 'page == "home" && plan != "a&b"', { to: 'page == "home" && plan != "a&b"' }],
    ["user", 'a"b', { to: '@user == "a\\"b"' }],
    ["id", "5203.1", { to: '@id == "5203.1"' }],
    ["page_id", "p1", { to: '@page == "p1"' }],
    ["address", "2001:db8::/64", { address: "2001:db8::/64" }],
    ["address", "203.0.113.7", { address: "203.0.113.7" }],
    ["address", "", {}],
  ]) {
    assert.deepEqual(Object.fromEntries(new URLSearchParams(queryOf(way, value, 100))), { ...want, limit: "100" }, `${way} ${value}`);
  }
  assert.deepEqual(Object.keys(ways), ["to", "user", "id", "page_id", "address"]);
});
