// Bundles the tests, because they are TypeScript and import a style sheet, and runs them. Arguments choose some: `npm test
// ack` runs test/ack.test.ts.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { chdir, execPath } from "node:process";
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
  entryPoints: names.map((name) => `test/${name}.ts`),
  outdir: ".test",
  outExtension: { ".js": ".mjs" },
  format: "esm",
  platform: "node",
  target: "node18",
  packages: "external",
  sourcemap: "inline",
});
const run = spawnSync(execPath, ["--enable-source-maps", "--test", ...names.map((name) => `.test/${name}.mjs`)], { stdio: "inherit" });
process.exitCode = run.status ?? 1;
