// scenecast-presence.js, which a page loads behind scenecast.js: window.scenecast has presence() then.
import { presence } from "./presence.ts";

const client = globalThis.scenecast;
if (client) client.presence = (key) => presence(client, key);
else console.error("scenecast: scenecast-presence.js comes behind scenecast.js");
