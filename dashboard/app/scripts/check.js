// Checks what is committed: that dist is what src builds, and that it is small.
import { readdir, readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { bundle } from "./bundle.js";

const MOST = 45 * 1024; // bytes of all files, each gzipped

const dist = new URL("../../dist/", import.meta.url);
const built = await bundle();
let size = 0;
for (const name of new Set([...Object.keys(built), ...(await readdir(dist))])) {
  const committed = await readFile(new URL(name, dist), "utf8").catch(() => undefined);
  if (committed !== built[name]) {
    console.error(`dashboard/dist/${name} is not what dashboard/app/src builds: run \`npm run build\` in dashboard/app and commit it`);
    process.exitCode = 1;
  }
  if (committed) size += gzipSync(committed, { level: 9 }).length;
}
console.log(`dashboard/dist has ${size} bytes gzipped, and may have ${MOST}`);
if (size > MOST) process.exitCode = 1;
