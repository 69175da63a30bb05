// The script tag: window.scenecast, connected by the tag's attributes.
import { createClient } from "./client.ts";
import { isLabelKey } from "./labels.ts";
import { popup, preparePopups } from "./popup.ts";
import type { Labels, Options, Scenecast } from "./types.ts";

declare global {
  interface Window { scenecast?: Scenecast }
}

function start(script: HTMLOrSVGScriptElement | null) {
  const client = createClient((script as HTMLScriptElement | null)?.src);
  window.scenecast = Object.assign(client, { popup });
  if (!script) return; // a bundle: the page connects by hand
  if (script.hasAttribute("data-popup")) {
    preparePopups();
    client.on("message", popup);
  }
  if (!script.hasAttribute("data-token")) return;
  const labels: Labels = {};
  for (const { name, value } of Array.from(script.attributes)) {
    const key = name.startsWith("data-") ? name.slice("data-".length) : "";
    if (isLabelKey(key) && !["popup", "url", "store"].includes(key)) labels[key] = value;
  }
  const { url, token, store } = script.dataset;
  client.connect({ url, token: token!, store: store as Options["store"], labels });
}

// A second tag would open a second socket. (An element with this id is a global of this name, too: hence connect.)
if (window.scenecast?.connect) console.warn("scenecast: the script is on this page twice; the second one does nothing");
else start(document.currentScript);
