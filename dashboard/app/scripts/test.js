// Bundles the tests, because they import JSX, and runs them in this Node.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { chdir, execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

chdir(fileURLToPath(new URL("..", import.meta.url)));

const names = readdirSync("test").filter((file) => file.endsWith(".test.js"));
rmSync(".test", { recursive: true, force: true });
await build({
  entryPoints: names.map((name) => `test/${name}`),
  outdir: ".test",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  jsx: "automatic",
  jsxImportSource: "preact",
  packages: "external",
  logLevel: "warning",
});
const run = spawnSync(execPath, ["--test", ...names.map((name) => `.test/${name.replace(/\.js$/, ".mjs")}`)], { stdio: "inherit" });
process.exitCode = run.status ?? 1;
