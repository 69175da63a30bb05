// The script tag: window.scenecast, connected by the tag's attributes. It also runs by importScripts in a worker.
import { createClient } from "./client.ts";
import { isLabelKey } from "./labels.ts";
import { popup, preparePopups } from "./popup.ts";
import type { Labels, Options, Scenecast } from "./types.ts";

interface Tagged extends Scenecast {
  /** Does what a tag's attributes say. */
  tag(script: HTMLElement): void;
}

declare global {
  var scenecast: Tagged | undefined;
}

const besideOf = (src?: string) => src ? new URL("v1/connect", src).href : undefined; // an inline script has none

function start(script: HTMLScriptElement | null | undefined) {
  const client = createClient(besideOf(script?.src));
  const show = (message: unknown) => popup(message);

  // A page that is swapped without being loaded anew, by Turbo for one, runs the tag that it brings.
  function tag(script: HTMLScriptElement) {
    if (script.hasAttribute("data-popup")) {
      preparePopups();
      client.on("message", show);
    } else {
      client.off("message", show);
    }
    if (!script.hasAttribute("data-token")) return;
    const labels: Labels = {};
    for (const { name, value } of Array.from(script.attributes)) {
      const key = name.startsWith("data-") ? name.slice("data-".length) : "";
      if (isLabelKey(key) && !["popup", "url", "store"].includes(key)) labels[key] = value;
    }
    const { url, token, store } = script.dataset;
    client.move({ url: url || besideOf(script.src), token: token!, store: store as Options["store"], labels });
  }

  globalThis.scenecast = Object.assign(client, { popup, tag });
  if (script) tag(script); // otherwise it is a module or in a worker, and connects by hand
  else if (globalThis.document?.querySelector("script[type=module][data-token]")) {
    console.warn("scenecast: a module cannot read its tag: leave type=module out, or call scenecast.connect");
  }
}

// The page may have the script already, and an element with this id is a global of this name, too.
const script = globalThis.document?.currentScript as HTMLScriptElement | null | undefined;
const present = globalThis.scenecast;
if (!present?.connect) start(script);
else if (script && present.tag) present.tag(script);
else console.warn("scenecast: window.scenecast is there already, and not from a tag");
