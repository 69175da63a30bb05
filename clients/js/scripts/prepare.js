// Builds the package where npm has fetched it as a folder or as a repository: `npm install path/to/clients/js` runs this in the
// folder, but does not install there what the build needs.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chdir } from "node:process";
import { fileURLToPath } from "node:url";

chdir(fileURLToPath(new URL("..", import.meta.url)));

if (!existsSync("node_modules/esbuild")) {
  // The settings of the npm that has called this, such as --global or --omit=dev, are not for this one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_config_(global|omit|include|location|prefix|local_prefix|install_links)$/i.test(name)));
  const flags = ["ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", flags, { env: { ...env, NODE_ENV: "" }, stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) throw new Error("npm ci has failed");
}
const { build } = await import("./build.js");
await build();
