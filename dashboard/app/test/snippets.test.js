// A push as code: each snippet is read by the language's own parser where this machine has it, and means the body that it was made of.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { test } from "node:test";
import { snippets } from "../src/snippets.js";

const base = "https://push.example/a", url = `${base}/v1/push`;
const body = {
  to: `page == "ho'me" && tag == "\\u0041$x\`"`,
  except: "5203.1",
  message: { text: "it's $HOME `id` \\ \"\n</script>", list: [1, true, null, {}], 中: "文", map: { 0: "a" } },
  event: "order.shipped", ttl: "1h30m", retain: "k'", coalesce: "c", receipt: "acked",
};
const code = Object.fromEntries(snippets(url, body).map(({ name, code }) => [name, code]));

test("curl sends the body, whatever is in it", () => {
  const said = execFileSync("sh", ["-c", `curl() { for each; do printf '%s\\0' "$each"; done; }\n${code.curl}`], { encoding: "utf8" }).split("\0");
  assert.equal(said[0], url);
  assert.deepEqual(JSON.parse(said[said.indexOf("-d") + 1]), body);
});

test("JavaScript sends the body", async () => {
  const asked = [];
  const fetch = async (...args) => asked.push(args) && { json: async () => ({}) };
  await new Function("fetch", "console", `return (async () => { ${code.JavaScript} })()`)(fetch, { log() {} });
  assert.equal(asked[0][0], url);
  assert.deepEqual(JSON.parse(asked[0][1].body), body);
});

test("PHP makes the push", { skip: spawnSync("php", ["-v"]).status !== 0 && "php is not installed" }, () => {
  const program = `namespace Scenecast { class Scenecast { public static array $calls = []; function __construct(...$a) { self::$calls[] = ['new', $a]; }
    function __call($name, $a) { self::$calls[] = [$name, $a]; return $this; } } }
  namespace Main { ${code.PHP} echo json_encode(\\Scenecast\\Scenecast::$calls); }`;
  const calls = Object.fromEntries(JSON.parse(execFileSync("php", ["-r", program], { encoding: "utf8" })));
  assert.deepEqual(calls, {
    new: [base, "API_KEY"], to: [body.to], except: ["5203.1"], event: ["order.shipped"], ttl: ["1h30m"], coalesce: ["c"], retain: ["k'"], acked: [], push: [body.message],
  });
});

test("Go is formatted as gofmt has it", { skip: spawnSync("gofmt", ["-h"]).error && "gofmt is not installed" }, () => {
  for (const each of [body, { to: "*", message: "a\u0000`\u2028" }, { to: "*", message: 1, ttl: "1.5h" }]) {
    const go = snippets(url, each).find(({ name }) => name === "Go").code;
    const file = `package p\n\nfunc f() {\n${go.replace(/^(?=.)/gm, "\t")}\n}\n`;
    if (!JSON.stringify(each).includes("\\n")) assert.equal(execFileSync("gofmt", [], { input: file, encoding: "utf8" }), file);
  }
});
