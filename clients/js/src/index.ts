// The package for bundlers and Node. Importing it does nothing; what is not used of it is not bundled.
import { createClient as create } from "./client.ts";
import { call } from "./call.ts";
import { popup } from "./popup.ts";
import { presence } from "./presence.ts";
import type { Client, Scenecast } from "./types.ts";

export { call, popup, presence };
export type * from "./types.ts";

/** Makes a client of its own; most pages need only the one below. */
export const createClient = (): Client => create();

/** The page's client, which is what the script tag has as window.scenecast. */
export const scenecast: Scenecast = /* @__PURE__ */ Object.assign(/* @__PURE__ */ create(), { popup });
