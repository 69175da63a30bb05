// What all builds have in common.
import { readFile } from "node:fs/promises";
import { build, transform } from "esbuild";

const minifiedStyles = {
  name: "minified styles",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

/** Bundles. The output is ASCII, because a page in GBK may read it as GBK. */
export const bundle = (options) =>
  build({ bundle: true, define: { SCRIPT_TAG: "false" }, charset: "ascii", target: "es2020", logLevel: "warning", plugins: [minifiedStyles], ...options });
