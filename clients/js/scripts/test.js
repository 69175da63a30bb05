// Bundles the tests, because they are TypeScript and import a style sheet, and runs them in this Node and in the oldest one that
// package.json promises. Arguments choose some: `npm test ack` runs test/ack.test.ts.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { chdir, execPath, version } from "node:process";
import { fileURLToPath } from "node:url";
import { bundle } from "./esbuild.js";

chdir(fileURLToPath(new URL("..", import.meta.url)));

const chosen = process.argv.slice(2);
const names = readdirSync("test")
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => file.slice(0, -".ts".length))
  .filter((name) => chosen.length === 0 || chosen.some((some) => name === `${some}.test`));
rmSync(".test", { recursive: true, force: true });
await bundle({
  // The index is for tests that run it in a process of its own.
  entryPoints: Object.fromEntries([["index", "src/index.ts"], ...names.map((name) => [name, `test/${name}.ts`])]),
  outdir: ".test",
  outExtension: { ".js": ".mjs" },
  format: "esm",
  platform: "node",
  target: "node18",
  packages: "external",
  sourcemap: "inline",
});

/** Installs the oldest Node and TypeScript, and returns the path of Node; nothing where npm has none for this machine. */
function installOldest() {
  const { status } = spawnSync("../../scripts/install-npm", ["test/oldest"], { stdio: "inherit" });
  if (status !== 0) throw new Error("test/oldest cannot be installed");
  const modules = "test/oldest/node_modules";
  const packed = readdirSync(modules).find((name) => name.startsWith("node-"));
  return packed && `${modules}/${packed}/bin/node`;
}

const oldest = installOldest();
if (!oldest) console.warn(`npm has no Node 18 for this machine: the tests run in ${version} only`);
for (const node of oldest ? [oldest, execPath] : [execPath]) {
  const run = spawnSync(node, ["--enable-source-maps", "--test", ...names.map((name) => `.test/${name}.mjs`)], { stdio: "inherit" });
  if (run.status !== 0) process.exitCode = run.status ?? 1;
}
