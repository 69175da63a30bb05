// Builds scenecast.js, scenecast-presence.js and scenecast-call.js, the script tags', which are committed, and dist, the package's: an ES module, CommonJS, and their types.
import { readFile, writeFile } from "node:fs/promises";
import { chdir } from "node:process";
import { fileURLToPath } from "node:url";
import { minify } from "terser";
import { bundle } from "./esbuild.js";
import { sourceHash } from "./source.js";

chdir(fileURLToPath(new URL("..", import.meta.url)));

/** The script tag's build, of src/tag.ts, or another one's. Terser makes it 5 % smaller than esbuild does. */
export async function buildTag(entry = "src/tag.ts") {
  const { outputFiles: [{ text }] } = await bundle({
    entryPoints: [entry],
    format: "iife",
    define: { SCRIPT_TAG: "true" },
    minify: true,
    write: false,
  });
  const { code } = await minify(text, { ecma: 2020, compress: { passes: 3 }, format: { ascii_only: true } });
  return `/* Scenecast's page script: docs/client.md. Built from clients/js/src ${sourceHash()}, MIT licence. */\n${code}\n`;
}

/**
 * The package's types: those of src/types.ts, which need no others, and what src/index.ts exports besides. The compiler's own
 * output would need its newest version, and the browser's types.
 */
async function types() {
  const text = await readFile("src/types.ts", "utf8");
  return `${text}
/** Makes a client of its own; most pages need only the one below. */
export declare const createClient: () => Client;

/** The page's client, which is what the script tag has as window.scenecast. */
export declare const scenecast: Scenecast;

/** Shows message.message, or the text, or the message's JSON as a pop-up. */
export declare function popup(message: unknown): void;

/** Who is in the page's scenes of a key, by this client: the same object for the same key. */
export declare function presence(client: PresenceClient, key: string): Presence;

/** Asks the backend by this client. Rejects with a CallProblem. */
export declare function call(client: PresenceClient, method: string, data?: unknown): Promise<any>;
`;
}

/** The types of the parts for React and for Vue. */
function frameworkTypes(framework, extension) {
  const vue = framework === "vue", result = (type) => vue ? `Readonly<ShallowRef<${type}>>` : type;
  return `${vue ? 'import type { MaybeRefOrGetter, ShallowRef } from "vue";\n' : ""}import type { Client, Labels, Meta, Presence, State } from "./index.${extension}";

export type PresenceState = Pick<Presence, "members" | "count" | "anonymous" | "partial">;

/** The labels that the page has while the component is there. Returns where the client stands. */
export declare function useScene(labels: ${vue ? "MaybeRefOrGetter<Labels>" : "Labels"}, client?: Client): ${result("State")};

/** Calls a listener for each push; with an event, for those of that name alone. */
export declare function usePush(listener: (data: any, meta: Meta) => unknown, event?: string, client?: Client): void;

/** Who is in the page's scenes of a key that the server's setting presence declares. */
export declare function usePresence(key: string, client?: Client): ${result("PresenceState")};
`;
}

/** Has a build use the index beside it, so that there is one client, and not two. */
const besideIndex = (extension) => ({
  name: "beside the index",
  setup: ({ onResolve }) => onResolve({ filter: /^\.\.\/src\/index\.ts$/ }, () => ({ path: `./index.${extension}`, external: true })),
});

export async function build() {
  await writeFile("scenecast.js", await buildTag());
  await writeFile("scenecast-presence.js", await buildTag("src/presence-tag.ts"));
  await writeFile("scenecast-call.js", await buildTag("src/call-tag.ts"));
  await bundle({ entryPoints: ["src/index.ts"], outfile: "dist/index.js", format: "esm" });
  await bundle({ entryPoints: ["src/index.ts"], outfile: "dist/index.cjs", format: "cjs" });
  for (const name of ["index.d.ts", "index.d.cts"]) await writeFile(`dist/${name}`, await types());
  for (const framework of ["react", "vue"]) {
    for (const [format, extension, types] of [["esm", "js", "d.ts"], ["cjs", "cjs", "d.cts"]]) {
      await bundle({ entryPoints: [`frameworks/${framework}.ts`], outfile: `dist/${framework}.${extension}`, format, external: [framework], plugins: [besideIndex(extension)] });
      await writeFile(`dist/${framework}.${types}`, frameworkTypes(framework, extension));
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
