// The package as its users have it, installed by npm from its folder.
import { after, before, test } from "node:test";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { assert } from "./real.ts";

const here = resolve("."), names = ["package.json", "package-lock.json", "README.md", "scenecast.js", "scenecast.d.ts", "scripts", "src", "frameworks"];
let directory: string, app: string;

/** Runs a command in the app, and returns its output; if it fails, so does the test. */
function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: app, encoding: "utf8", shell: process.platform === "win32" });
  assert.equal(status, 0, `${command} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout.trim();
}

function write(files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(app, name)), { recursive: true });
    writeFileSync(join(app, name), text);
  }
}

before(() => {
  directory = mkdtempSync(join(tmpdir(), "scenecast-package-"));
  app = join(directory, "app");
  for (const name of names) cpSync(join(here, name), join(directory, "js", name), { recursive: true });
  write({ "package.json": '{ "private": true }' });
  run("npm", "install", "../js", "--no-audit", "--no-fund", "--prefer-offline"); // runs prepare, and prepare fetches the tools
});

after(() => rmSync(directory, { recursive: true, force: true }));

const says = "scenecast.state + typeof createClient().set + typeof popup";

test("an ES module imports it", () => {
  write({ "main.mjs": `import { createClient, popup, scenecast } from "scenecast"; console.log(${says});` });
  assert.equal(run(process.execPath, "main.mjs"), "idlefunctionfunction");
});

test("its parts for React and Vue share its client, as an ES module and as CommonJS", () => {
  for (const framework of ["react", "vue"]) {
    const modules = join(app, "node_modules", framework); // as little of it as importing needs
    write({ [`node_modules/${framework}/index.cjs`]: "", [`node_modules/${framework}/package.json`]: JSON.stringify({ name: framework, version: framework === "vue" ? "3.5.0" : "19.0.0", exports: "./index.cjs" }) });
    const names = framework === "react" ? ["useCallback", "useEffect", "useRef", "useSyncExternalStore"]
      : ["getCurrentInstance", "onMounted", "onScopeDispose", "shallowReadonly", "shallowRef", "toValue", "watch"];
    writeFileSync(join(modules, "index.cjs"), names.map((name) => `exports.${name} = () => {};`).join("\n"));
    write({ "part.mjs": `import { useScene, usePush, usePresence } from "scenecast/${framework}"; console.log(typeof useScene + typeof usePush + typeof usePresence);` });
    assert.equal(run(process.execPath, "part.mjs"), "functionfunctionfunction");
    write({ "part.cjs": `const { useScene } = require("scenecast/${framework}"); console.log(typeof useScene);` });
    assert.equal(run(process.execPath, "part.cjs"), "function");
  }
});

test("CommonJS requires it", () => {
  write({ "main.cjs": `const { createClient, popup, scenecast } = require("scenecast"); console.log(${says});` });
  assert.equal(run(process.execPath, "main.cjs"), "idlefunctionfunction");
});

/** What a page may write, in words that the oldest compiler knows. */
const program = `
import { createClient, popup, scenecast, Client, Options, Meta } from "scenecast";
const options: Options = { token: async () => null, url: "ws://host/v1/connect", labels: { page: ["a"], order: null } };
const client: Client = createClient();
client.on("message", (data, { position, late, ack }: Meta) => { popup(data); ack(); return position && !late; });
client.on("close", ({ code, reason }) => { const told: [number, string] = [code, reason]; told.pop(); });
client.connect(options);
scenecast.set({ page: "list" }).then(() => scenecast.popup({ message: client.id || client.pageID }));
// @ts-expect-error
client.on("mesage", () => {});
// @ts-expect-error
client.connect({ token: 7 });`;
const tag = `
import "scenecast/scenecast.js";
scenecast.connect({ token: "t" });
globalThis.scenecast.popup("text");`;

/** Compiles files of the app with all that they import. */
function compile(typescript: string, compilerOptions: object, files: Record<string, string>) {
  write(files);
  const options = { strict: true, noEmit: true, target: "es2020", lib: ["es2020"], types: [], skipLibCheck: false, ...compilerOptions };
  write({ "tsconfig.json": JSON.stringify({ compilerOptions: options, files: Object.keys(files) }) });
  run(process.execPath, join(here, typescript, "bin/tsc"), "-p", ".");
}

const OLDEST = "test/oldest/node_modules/typescript", NEWEST = "node_modules/typescript";

test("it has types without the browser's, for TypeScript 4.0", () => {
  compile(OLDEST, { module: "commonjs", moduleResolution: "node" }, { "main.ts": program, "tag.ts": tag });
});

test("and for the newest, as Node and as bundlers resolve it, with the browser's or without", () => {
  compile(NEWEST, { module: "nodenext" }, { "main.mts": program, "main.cts": program, "tag.mts": tag });
  compile(NEWEST, { module: "esnext", moduleResolution: "bundler" }, { "main.ts": program, "tag.ts": tag });
  compile(NEWEST, { module: "esnext", moduleResolution: "bundler", lib: ["es2020", "dom"] }, {
    "main.ts": program,
    "tag.ts": `${tag}\nwindow.scenecast.connect({ token: "t", WebSocket });`,
  });
});

test("the types that are written for it are those of its source", () => {
  compile(NEWEST, {
    module: "esnext", moduleResolution: "bundler", lib: ["es2020", "dom", "dom.iterable"], allowImportingTsExtensions: true,
  }, {
    "same.ts": `
import * as declared from "scenecast";
import * as source from "../js/src/index.ts";
import "../js/src/css.d.ts";
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : never;
export const same: Same<typeof declared.scenecast, source.Scenecast> | Same<declared.Client, source.Client> = true;
export const there: Record<keyof typeof source, unknown> = declared;
export const here: Record<keyof typeof declared, unknown> = source;
export const all: typeof declared = source;`,
  });
});

test("what a tarball of it needs is in it", () => {
  const [{ files }] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: join(directory, "js"), encoding: "utf8" }));
  assert.deepEqual(files.map(({ path }: { path: string }) => path).sort(), [
    "README.md", "dist/index.cjs", "dist/index.d.cts", "dist/index.d.ts", "dist/index.js",
    ...["react", "vue"].flatMap((framework) => ["cjs", "d.cts", "d.ts", "js"].map((end) => `dist/${framework}.${end}`)), "package.json", "scenecast-call.js", "scenecast-presence.js", "scenecast.d.ts", "scenecast.js",
  ]);
});
