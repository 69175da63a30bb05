// scenecast-call.js, which a page loads behind scenecast.js: window.scenecast has call() then.
import { call } from "./call.ts";

const client = globalThis.scenecast;
if (client) client.call = (method, data) => call(client, method, data);
else console.error("scenecast: scenecast-call.js comes behind scenecast.js");
