// Runs the pages of a tutorial. It reads one JSON object a line: {html}, {js} or {online}, and answers each by a line {done} or {failed} when the
// page is connected, the code has run, or the pages are cut off or back. What pages print, and what their pop-ups say, are lines {prints}.
//
// A page is a context of its own with the globals of a browser that the page script uses, and as much of a document as its pop-ups need.
import { createInterface } from "node:readline";
import { createHmac, timingSafeEqual, webcrypto } from "node:crypto";
import { createServer } from "node:http";
import vm from "node:vm";

const server = process.argv[2];
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const prints = (...words) => say({ prints: words.map((w) => (typeof w === "string" ? w : JSON.stringify(w))).join(" ") });

let online = true;
const sockets = new Set();
const wakers = new Set(); // listeners of "online"

/** A WebSocket that opens only while the machine is online: without a network it does not come as far as the server. */
class Socket extends WebSocket {
  constructor(address, protocols) {
    super(online ? address : "ws://127.0.0.1:1/", protocols);
    sockets.add(this);
    this.addEventListener("close", () => sockets.delete(this));
  }
}

/** Any element: whatever is asked of it is there, and what is done with it does nothing. */
const element = new Proxy(function () {}, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => "" : key === "then" ? undefined : element),
  apply: () => element,
  has: () => false,
  set: () => true,
});

/** An element that pop-ups are made of: the one that has the text tells it. */
function made() {
  const attributes = {};
  return new Proxy({}, {
    get: (_, key) => (key === "setAttribute" ? (name, value) => (attributes[name] = value) : key === "then" ? undefined : element),
    set(_, key, value) {
      if (key === "textContent" && attributes.class === "text") prints(value);
      return true;
    },
  });
}

/** What the application answers at /push-token: the token that it has made last. */
let pushToken = "";

async function fetchPage(address, options) {
  if (address === "/push-token") return { text: async () => pushToken };
  if (!online) throw new TypeError("there is no network");
  return fetch(address, options);
}

function page() {
  const globals = {
    WebSocket: Socket, fetch: fetchPage, URL, URLSearchParams, AbortController, TextDecoder, TextEncoder, Event, EventTarget, CustomEvent,
    crypto: webcrypto, performance, setTimeout, clearTimeout, setInterval, clearInterval, queueMicrotask, structuredClone,
    console: { log: prints, warn: prints, error: prints },
    addEventListener: (event, listener) => event === "online" && wakers.add(listener),
    removeEventListener: (event, listener) => wakers.delete(listener),
    navigator: { language: "en", get onLine() { return online; } },
    location: { href: server + "/page", protocol: "http:", host: new URL(server).host },
    document: {
      hidden: false, body: element, baseURI: server + "/page", currentScript: null,
      createElement: made, addEventListener() {}, querySelector: () => null,
    },
    createServer, createHmac, timingSafeEqual, Buffer, Echo, // of Node and of laravel-echo
    presence: (client, key) => client.presence(key), call: (client, method, data) => client.call(method, data), // of the package scenecast
  };
  globals.window = globals.self = globals;
  return vm.createContext(globals);
}

/** A script of the page's HTML, with what the page script reads of its tag. */
async function script(context, attributes, code) {
  const list = [...attributes.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)].map(([, name, value = ""]) => ({ name, value: value.replaceAll("&amp;", "&") }));
  const get = (name) => list.find((a) => a.name === name)?.value;
  const camel = (name) => name.slice("data-".length).replace(/-(.)/g, (_, c) => c.toUpperCase());
  context.document.currentScript = {
    src: get("src") ?? "", attributes: list, hasAttribute: (name) => get(name) !== undefined,
    dataset: Object.fromEntries(list.filter((a) => a.name.startsWith("data-")).map((a) => [camel(a.name), a.value])),
  };
  if (get("src") !== undefined) {
    const answer = await fetch(get("src"));
    if (!answer.ok) throw new Error(`${get("src")} is answered ${answer.status}`);
    code = await answer.text();
  }
  vm.runInContext(code, context);
  context.document.currentScript = null;
}

/** The page is connected, and its labels are known to the server. */
function connected(context) {
  const client = vm.runInContext("globalThis.scenecast", context);
  if (!client || client.id) return;
  return new Promise((resolve, reject) => {
    client.on("welcome", () => resolve());
    client.on("refused", ({ code, reason }) => reject(new Error(`refused: ${code} ${reason}`)));
  });
}

let last; // page

async function html(text) {
  last = page();
  for (const [, attributes, code] of text.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)) await script(last, attributes, code);
  await connected(last);
}

// A module that connects is a page of its own; other code goes on in the last one.
async function js(text) {
  const code = text.replace(/^import .*$/gm, "");
  const connects = /\bscenecast\.connect\(/.test(code);
  if (!last || connects) {
    last = page();
    await script(last, `src="${server}/scenecast.js"`, "");
    await script(last, `src="${server}/scenecast-presence.js"`, "");
    await script(last, `src="${server}/scenecast-call.js"`, "");
  }
  await vm.runInContext(`(async () => {${code}\n})()`, last);
  if (connects) await connected(last);
  if (last.opened) await last.opened;
}

/** Connects as Laravel Echo does by the same options, and speaks as much of Pusher's protocol as a public channel takes. */
class Echo {
  constructor({ broadcaster, key, wsHost, wsPort, forceTLS }) {
    if (broadcaster !== "pusher" && broadcaster !== "reverb") throw new Error(`no broadcaster ${broadcaster}`);
    this.socket = new Socket(`${forceTLS ? "wss" : "ws"}://${wsHost}:${wsPort}/app/${key}?protocol=7&client=js&version=8.4.0`);
    this.listeners = {};
    last.opened = new Promise((subscribed, refused) => {
      this.socket.onerror = () => refused(new Error("Echo cannot connect"));
      this.socket.onmessage = ({ data }) => {
        const { event, channel, data: payload } = JSON.parse(data);
        if (event === "pusher:connection_established") {
          for (const name of Object.keys(this.listeners)) this.socket.send(JSON.stringify({ event: "pusher:subscribe", data: { channel: name } }));
        } else if (event === "pusher_internal:subscription_succeeded") subscribed();
        else if (event === "pusher:error") refused(new Error(data));
        else this.listeners[channel]?.[event]?.(JSON.parse(payload));
      };
    });
  }
  channel(name) {
    const listeners = (this.listeners[name] = {});
    return { listen: (event, listener) => (listeners[event.replace(/^\./, "")] = listener) };
  }
}

async function network(on) {
  online = on;
  if (on) return wakers.forEach((wake) => wake(new Event("online")));
  await Promise.all([...sockets].map((s) => new Promise((closed) => {
    s.addEventListener("close", closed);
    s.close();
  })));
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  try {
    if ("html" in order) await html(order.html);
    else if ("js" in order) await js(order.js);
    else if ("token" in order) pushToken = order.token;
    else await network(order.online);
    say({ done: true });
  } catch (error) {
    say({ failed: String(error?.stack ?? error) });
  }
}
process.exit();
