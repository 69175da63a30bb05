// What the build, its check and the tests have in common.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const src = fileURLToPath(new URL("../src/", import.meta.url));

/** What is in dist: the name of each file with its content. */
export async function bundle() {
  const { outputFiles } = await build({
    entryPoints: { dashboard: `${src}main.jsx`, style: `${src}main.css` },
    outdir: "dist",
    bundle: true,
    minify: true,
    write: false,
    charset: "utf8", // index.html says so
    format: "iife",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    logLevel: "warning",
  });
  const text = (end) => outputFiles.find(({ path }) => path.endsWith(end)).text;
  return {
    "dashboard.js": `/* Scenecast's dashboard: docs/dashboard.md. Built from dashboard/app/src ${sourceHash()}; MIT licence, as Preact's, which is in it. */\n${text(".js")}`,
    "dashboard.css": text(".css"),
    "index.html": readFileSync(`${src}index.html`, "utf8"),
  };
}

/** SHA-256 over "path\0content\0" of all files of src, by path; 16 hexadecimal digits of it. It is in the bundle, so that a test without npm can tell that dist is stale. */
function sourceHash() {
  const paths = readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${parentPath}/${name}`.replaceAll("\\", "/").replace(/\/+/g, "/").slice(src.length))
    .sort();
  const hash = createHash("sha256");
  for (const path of paths) hash.update(`${path}\0`).update(readFileSync(src + path)).update("\0");
  return hash.digest("hex").slice(0, 16);
}
