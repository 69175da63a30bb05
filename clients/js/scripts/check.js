// Checks what is committed: that scenecast.js is what the source builds, and that it is small.
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { buildTag } from "./build.js";

const MOST = 7168; // bytes, gzipped; embed_test.go has it too

const committed = await readFile("scenecast.js", "utf8");
if (committed !== await buildTag()) {
  console.error("scenecast.js is not what src builds: run `npm run build` and commit it");
  process.exitCode = 1;
}
for (const part of ["presence", "call"]) {
  if (await readFile(`scenecast-${part}.js`, "utf8") !== await buildTag(`src/${part}-tag.ts`)) {
    console.error(`scenecast-${part}.js is not what src builds: run \`npm run build\` and commit it`);
    process.exitCode = 1;
  }
}
const size = gzipSync(committed, { level: 9 }).length;
console.log(`scenecast.js has ${size} bytes gzipped, and may have ${MOST}`);
if (size > MOST) process.exitCode = 1;
