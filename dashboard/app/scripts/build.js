// Builds dashboard/dist, which is committed, so that `go build` needs no npm.
import { mkdir, writeFile } from "node:fs/promises";
import { bundle } from "./bundle.js";

const dist = new URL("../../dist/", import.meta.url);
await mkdir(dist, { recursive: true });
for (const [name, content] of Object.entries(await bundle())) await writeFile(new URL(name, dist), content);
