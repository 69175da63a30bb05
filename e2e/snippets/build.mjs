// Builds the modules of the documents' JavaScript for a browser, as a bundler of the reader's does. The folder that is its argument has
// them in src, and the packages in node_modules; it gets what it builds in bundle. A single-file component of Vue becomes a module.
import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const folder = process.argv[2];
const require = createRequire(join(folder, "node_modules", "scenecast", "package.json"));
const { build } = require("esbuild");
const { compileScript, parse } = require("vue/compiler-sfc");

const singleFile = {
  name: "single-file components",
  setup: ({ onLoad }) => onLoad({ filter: /\.vue$/ }, async ({ path: filename }) => {
    const { descriptor, errors } = parse(await readFile(filename, "utf8"), { filename });
    if (errors.length > 0) throw errors[0];
    return { contents: compileScript(descriptor, { id: "x", inlineTemplate: true }).content, loader: "js" };
  }),
};

await build({
  entryPoints: (await readdir(join(folder, "src"))).filter((name) => name.endsWith(".jsx")).map((name) => join(folder, "src", name)),
  outdir: join(folder, "bundle"),
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"', __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false", __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false" },
  logLevel: "error",
  absWorkingDir: folder,
  plugins: [singleFile],
});
