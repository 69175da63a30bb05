// In Node as it is, without anything that a test brings along.
import { test } from "node:test";
import { spawnSync } from "node:child_process";
import { assert } from "./real.ts";

test("a page's ID needs no crypto, which Node 18 has not", async () => {
  const { createClient } = await import("../src/index.ts");
  const global = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  if (process.version.startsWith("v18.")) assert.equal(global, undefined);
  else Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
  const clients = [createClient(), createClient()];
  const connect = () => clients.map((client) => {
    client.connect({ url: "ws://127.0.0.1:1/v1/connect", token: () => new Promise(() => {}), WebSocket: class {} as any });
    return client.pageID!;
  });
  const [first, second] = connect();
  assert.match(first + second, /^[0-9a-f]{44}$/);
  assert.notEqual(first, second);
  clients.forEach((client) => client.close());
  if (global) Object.defineProperty(globalThis, "crypto", global);
});

// Whatever is unhandled ends a Node process.
function run(script: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  return `${status} ${stdout.trim()} ${stderr.trim()}`.trim();
}

test("a set that nobody waits for, and that ends with the connection, does not end the process", () => {
  const here = JSON.stringify(new URL("index.mjs", import.meta.url).href);
  const prepare = `
    import { createClient } from ${here};
    class WebSocket { constructor() { last = this; } send() {} close() {} }
    let last;
    const client = createClient();
    const connect = () => client.connect({ url: "ws://host/v1/connect", token: "t", WebSocket });`;
  const endings = {
    close: `connect(); client.set({ page: "x" }); client.close();`,
    "connect anew": `connect(); client.set({ page: "x" }); connect(); client.close();`,
    "refused by the server": `connect(); client.set({ page: "x" }); last.onclose({ code: 4401, reason: "" });`,
    "closed before": `client.set({ page: "x" }); connect(); client.close(); client.set({ page: "x" });`,
  };
  for (const [name, script] of Object.entries(endings)) {
    assert.match(run(`${prepare}\nconsole.error = () => {};\n${script}\nsetTimeout(() => console.log("alive"), 10);`), /^0 alive$/, name);
  }
  assert.match(run(`${prepare}\nconnect(); client.set({ page: "x" }).catch((error) => console.log(error.kind)); client.close();`), /^0 closed$/);
  // What the page does wrong, and what the server refuses, is heard of.
  assert.match(run(`${prepare}\nclient.set({ page: 7 });`), /^1 .*label "page" must be a string/s);
});
