/*
 * Scenecast's page script: one tag, and the page gets what the backend pushes to it.
 *
 *   <script src="http://host:9502/scenecast.js" data-token="..." data-page="home" data-popup></script>
 *
 *   data-token   connects at once with this token; without it, the page calls scenecast.connect itself
 *   data-popup   shows every push as a pop-up
 *   data-url     where to connect, if not to /v1/connect of the host that served this script
 *   data-<key>   any other is a label: data-page="home" is page=home. HTML makes attribute names lower case. A name
 *                that cannot be a label's key is ignored.
 *
 *   scenecast.connect({url, token, labels})   connects, in place of the present connection; url may be left out;
 *                                             labels is {key: "value"} or {key: ["several", "values"]}
 *   scenecast.set(labels)                     moves the page to another scene, on the same connection: see below
 *   scenecast.close()                         disconnects, until connect is called again
 *   scenecast.state                           "idle", "connecting", "open", "waiting" (to try again) or "closed"
 *   scenecast.id                              the connection's, as the backend knows it; null where there is none
 *   scenecast.popup(message)                  shows a pop-up: message.message, or the text, or the message's JSON
 *   scenecast.on(event, listener)             returns a function that unsubscribes; scenecast.off(event, listener)
 *
 *     "message"  (data, {event, position})   a push: its data; its event's name, if any, and its place in the log
 *     "open"     ()                     the socket is open
 *     "welcome"  ({id, position})       the server has greeted it: from now on pushes arrive
 *     "close"    ({code, reason})       the socket is gone; code 4000: it was dead without saying so. After 1000 (done),
 *                                       4409 (replaced by another page) and 4400 (a bug) there is no further attempt
 *     "refused"  ({code, reason})       nor after 4401 and 4403: the server does not want this page
 *     "state"    (state)                scenecast.state has changed
 *
 * set({page: "list", order: null, tag: ["a", "b"]}) gives these keys these values, in place of any they had; null takes
 * a key away. It returns a promise: pushes that come before its fulfilment are the old scene's, later ones the new one's.
 * Labels stay over reconnects; a set not yet confirmed when the connection is lost, or made while there is none, goes
 * along with the next one. A set that the server refuses changes nothing and is rejected with a ScenecastError, which has
 * kind, where and setting; one that no connection is to come for, with kind "closed".
 */
(function () {
  "use strict";

  // A second tag would open a second socket. (An element with this id is a global of this name, too: hence connect.)
  if (window.scenecast && window.scenecast.connect) {
    console.warn("scenecast: the script is on this page twice; the second one does nothing");
    return;
  }

  const FIRST_RETRY_WITHIN = 1000, RETRY_WITHIN_AT_MOST = 30000;
  const SPREAD = 10000; // a server that goes away sends all its pages off at once: they must not return at once
  const WELCOME_WITHIN = 20000; // from dialing; browsers themselves wait for minutes
  const ANSWER_WITHIN = 10000;
  const HEARTBEAT_EVERY = 25000; // because browsers do not tell a page whether the server still sends pings
  const STAYED_AFTER = 5000; // a page that is thrown out sooner, time and again, waits longer each time
  const SUBPROTOCOL = "scenecast.v1";
  // Close codes, as in closecode.go.
  const DONE = 1000, DEAD = 4000, BAD_MESSAGE = 4400, UNAUTHORIZED = 4401, FORBIDDEN = 4403, REPLACED = 4409,
    TOO_MANY = 4429, GOING_AWAY = 4503;
  const LABEL_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;
  const script = document.currentScript;

  // ---- events

  const EVENTS = ["message", "open", "welcome", "close", "refused", "state"];
  const listeners = new Map(EVENTS.map((name) => [name, new Set()]));

  function listenersOf(name) {
    if (listeners.has(name)) return listeners.get(name);
    throw new TypeError(`scenecast: no event "${name}"; there are ${EVENTS.join(", ")}`);
  }

  function on(name, listener) {
    const all = listenersOf(name);
    if (typeof listener !== "function") throw new TypeError(`scenecast: the listener for "${name}" is not a function`);
    all.add(listener);
    return () => off(name, listener);
  }

  const off = (name, listener) => void listenersOf(name).delete(listener);

  function emit(name, ...details) {
    for (const listener of Array.from(listeners.get(name))) {
      try {
        listener(...details);
      } catch (error) {
        (typeof reportError === "function" ? reportError : console.error)(error);
      }
    }
  }

  // ---- connection
  //
  //   idle ──connect──▶ connecting ──▶ open        close() leads to closed from everywhere, connect() to connecting.
  //                  dial ▲     │ lost   │ lost     A loss that says "do not come back" leads to closed as well.
  //                     waiting ◀────────┘
  //
  // Listeners may call connect and close from inside any event. So each function below first brings everything into
  // its new state, and emits last.

  let state = "idle";
  let target = null; // where to connect, and as what: see targetOf
  let failures = 0; // since a connection has stayed
  let retryTimer = null;

  // The one live socket, and what is known of it. Events of any other socket are stale.
  let socket = null;
  let id = null; // from the welcome on
  let welcomedAt = 0;
  let carried = []; // ids of the unconfirmed sets that are in its URL
  let heartbeatTimer = null;
  let deadline = null; // runs while the server owes a frame; null where it does not

  function setState(next) {
    if (state === next) return;
    state = next;
    emit("state", state);
  }

  function targetOf({ url, token, labels }) {
    if (typeof token !== "string" || token === "") throw new TypeError("scenecast: token must be a non-empty string");
    const to = url ? new URL(url, document.baseURI) : new URL("/v1/connect", (script && script.src) || location.href);
    if (to.protocol === "http:") to.protocol = "ws:";
    if (to.protocol === "https:") to.protocol = "wss:";
    to.hash = ""; // WebSocket refuses one
    const known = new Map(changeOf(labels || {}));
    for (const [key, value] of to.searchParams) {
      if (key !== "token") known.set(key, (known.get(key) || []).concat(value));
    }
    to.search = "";
    return {
      url: to, token,
      labels: known, // key to values; confirmed, but for the first ones
      sets: new Map(), // unconfirmed, by id, in order
      carries: true, // whether the URL has the unconfirmed ones as well
    };
  }

  // changeOf is a list of keys, each with a list of values.
  function changeOf(labels) {
    return Object.entries(labels).map(([key, given]) => {
      if (!LABEL_KEY.test(key) || key === "token") throw new TypeError(`scenecast: "${key}" cannot be a label's key`);
      const values = given === null ? [] : [].concat(given);
      if (values.every((value) => typeof value === "string")) return [key, values];
      throw new TypeError(`scenecast: label "${key}" must be a string, strings or null`);
    });
  }

  function addressOf({ url, token, labels }, sets) {
    const wanted = new Map([...labels, ...sets.flatMap((set) => set.change)]);
    const address = new URL(url);
    for (const [key, values] of wanted) {
      for (const value of values) address.searchParams.append(key, value);
    }
    address.searchParams.set("token", token);
    return address.href;
  }

  function connect(options) {
    dial(targetOf(options || {}));
  }

  function dial(to) {
    const along = to.carries ? Array.from(to.sets.values()) : [];
    const dialed = new WebSocket(addressOf(to, along), SUBPROTOCOL); // a mistake throws by now, and leaves all as it is
    letGo(DONE, "connecting anew");
    const whileLive = (handle) => (event) => {
      if (socket === dialed) handle(event);
    };
    dialed.onopen = whileLive(() => {
      setState("open");
      emit("open");
    });
    dialed.onmessage = whileLive(receive);
    dialed.onclose = whileLive((event) => lost(event.code, event.reason));
    if (target !== to) {
      if (target) giveUp(target, "the page has connected anew");
      target = to;
      failures = 0;
    }
    socket = dialed;
    carried = along.map((set) => set.id);
    heartbeatTimer = setTimeout(sendHeartbeat, HEARTBEAT_EVERY);
    deadline = setTimeout(dead, WELCOME_WITHIN);
    setState("connecting");
  }

  // letGo stops caring about the live socket, if there is one, and reports whether there was. It does not wait for the
  // socket's close event: on a dead network that one comes a minute late.
  function letGo(code, reason) {
    const gone = socket;
    if (id !== null && performance.now() - welcomedAt > STAYED_AFTER) failures = 0;
    socket = null;
    id = null;
    for (const timer of [retryTimer, heartbeatTimer, deadline]) clearTimeout(timer);
    if (gone) gone.close(code, reason);
    return gone !== null;
  }

  function leave(next, reason) {
    const had = letGo(DONE, reason);
    if (next === "closed" && target) giveUp(target, reason);
    setState(next);
    if (had) emit("close", { code: DONE, reason });
  }

  const dead = () => lost(DEAD, "no frame from the server in time");

  function lost(code, reason) {
    // It may be a set in the URL that is refused. Sent by itself, behind the welcome, it is told so.
    const doubtful = id === null && carried.length > 0 && (code === FORBIDDEN || code === BAD_MESSAGE);
    letGo(DEAD, reason); // to no effect on a socket that has told us itself
    const refused = !doubtful && (code === UNAUTHORIZED || code === FORBIDDEN);
    const bug = !doubtful && code === BAD_MESSAGE;
    const final = refused || bug || code === DONE || code === REPLACED;
    if (refused) console.error(`scenecast: refused by the server (${code} ${reason}); not trying again`);
    if (bug) console.error(`scenecast: the server cannot read this page (${code} ${reason}); not trying again`);
    if (doubtful) target.carries = false;
    if (final) giveUp(target, `${code} ${reason}`);
    else retry(code);
    setState(final ? "closed" : "waiting");
    emit("close", { code, reason });
    if (refused) emit("refused", { code, reason });
  }

  // A failed upgrade does not tell a browser why, so it is tried again whatever the reason.
  function retry(code) {
    let within = Math.min(RETRY_WITHIN_AT_MOST, FIRST_RETRY_WITHIN * 2 ** failures);
    if (code === GOING_AWAY || code === TOO_MANY) within = Math.max(within, SPREAD);
    failures++;
    retryTimer = setTimeout(() => dial(target), Math.random() * within);
  }

  const send = (message) => socket.send(JSON.stringify(message));

  function receive(event) {
    clearTimeout(deadline); // whatever it is, it is a sign of life
    deadline = null;
    const message = JSON.parse(event.data);
    switch (message.type) {
      case "welcome": return welcome(message);
      case "push": return emit("message", message.data, { event: message.event, position: message.position });
      case "set": return confirm(message.id);
      case "error": return refuse(message);
    }
  }

  function welcome(message) {
    id = message.id;
    welcomedAt = performance.now();
    target.carries = true;
    carried.forEach(confirm);
    target.sets.forEach(sendSet);
    emit("welcome", message);
  }

  function sendHeartbeat() {
    clearTimeout(heartbeatTimer);
    heartbeatTimer = setTimeout(sendHeartbeat, HEARTBEAT_EVERY);
    if (deadline !== null) return; // the server owes a frame already; asking again must not give it more time
    send({ type: "ping" });
    deadline = setTimeout(dead, ANSWER_WITHIN);
  }

  // ---- labels

  let lastSet = 0;

  async function set(labels) { // async, so that mistakes reject as well
    const change = changeOf(labels);
    if (state === "idle" || state === "closed") throw failure({ kind: "closed", detail: "there is no connection" });
    return new Promise((resolve, reject) => {
      const made = { id: ++lastSet, change, resolve, reject };
      target.sets.set(made.id, made);
      if (id !== null) sendSet(made);
    });
  }

  const sendSet = (set) => send({ type: "set", id: set.id, labels: Object.fromEntries(set.change) });

  // What is unconfirmed stands apart from the labels, so that nothing needs to be undone where it is refused.
  function confirm(setID) {
    const set = target.sets.get(setID);
    if (!set) return;
    target.sets.delete(setID);
    for (const [key, values] of set.change) target.labels.set(key, values);
    set.resolve();
  }

  function refuse(message) {
    const set = target.sets.get(message.id);
    if (!set) return;
    target.sets.delete(message.id);
    set.reject(failure(message));
  }

  function giveUp({ sets }, reason) {
    for (const set of sets.values()) set.reject(failure({ kind: "closed", detail: reason }));
    sets.clear();
  }

  function failure({ kind, detail, where, setting }) {
    const text = (where ? `${where}: ` : "") + detail + (setting ? ` (setting: ${setting})` : "");
    return Object.assign(new Error(text), { name: "ScenecastError", kind, where, setting });
  }

  // ---- coming back

  // The network or the reader is back: waiting longer makes no sense, and an open socket may have died meanwhile.
  function wake() {
    if (state === "waiting") dial(target);
    else if (state === "open") sendHeartbeat();
  }

  window.addEventListener("online", wake);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    wake();
    popups.forEach((shown) => shown.restart());
  });
  // An open socket keeps a page out of the back/forward cache. Waiting here is without a timer: pageshow ends it.
  window.addEventListener("pagehide", () => {
    if (state !== "idle" && state !== "closed") leave("waiting", "page hidden");
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) wake();
  });

  // ---- pop-ups

  const POPUP_STAYS = 10000, POPUPS_AT_MOST = 5;
  // :host is !important throughout, because the page's rules for the host element would otherwise win.
  const POPUP_STYLE = `
    :host { all: initial !important; position: fixed !important; z-index: 2147483647 !important;
      top: calc(12px + env(safe-area-inset-top, 0px)) !important; right: 12px !important;
      width: min(360px, calc(100vw - 24px)) !important; pointer-events: none !important; }
    .popup { display: flex; align-items: flex-start; gap: 8px; margin: 0 0 8px; padding: 12px 8px 12px 16px;
      font: 16px/1.5 system-ui, sans-serif; color: #1c2430; background: #fff; border: 1px solid #ccd4de;
      border-radius: 10px; box-shadow: 0 6px 24px rgba(15, 23, 42, .18); pointer-events: auto; }
    .text { flex: 1; min-width: 0; max-height: 40vh; margin: 4px 0; overflow: auto; white-space: pre-wrap;
      overflow-wrap: anywhere; }
    .close { flex: none; width: 32px; height: 32px; padding: 0; font: 20px/1 system-ui, sans-serif; color: inherit;
      background: none; border: 0; border-radius: 6px; cursor: pointer; }
    .close:hover { background: rgba(100, 116, 139, .2); }
    .close:focus-visible { outline: 2px solid currentColor; outline-offset: -2px; }
    @media (prefers-color-scheme: dark) { .popup { color: #e8edf4; background: #1d2633; border-color: #3d4a5c; } }
    @media (prefers-reduced-motion: no-preference) { .popup { animation: arrive .2s ease-out; } }
    @keyframes arrive { from { opacity: 0; transform: translateY(-8px); } }`;

  const popups = []; // shown, oldest first
  let mounted = null; // a promise of the region that announces
  let host = null, focusedBefore = null;

  function make(tag, attributes, text) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text || ""; // never HTML
    return element;
  }

  // The region is the one thing that is announced: polite, and only what is added, so that each pop-up is read exactly
  // once. A role="alert" on the pop-ups would have them read again, and aria-atomic, which role="status" implies,
  // would have all the others read with each new one.
  async function mount() {
    if (!document.body) await new Promise((parsed) => document.addEventListener("DOMContentLoaded", parsed));
    host = document.body.appendChild(make("div", { id: "scenecast-popups" }));
    const root = host.attachShadow({ mode: "open" });
    if ("adoptedStyleSheets" in root) {
      const sheet = new CSSStyleSheet(); // a strict Content-Security-Policy allows it, unlike a style element
      sheet.replaceSync(POPUP_STYLE);
      root.adoptedStyleSheets = [sheet];
    } else {
      root.appendChild(make("style", {}, POPUP_STYLE));
    }
    const polite = { role: "status", "aria-live": "polite", "aria-atomic": "false", "aria-relevant": "additions" };
    const region = root.appendChild(make("div", polite));
    region.addEventListener("focusin", (event) => {
      if (event.relatedTarget && !region.contains(event.relatedTarget)) focusedBefore = event.relatedTarget;
    });
    await new Promise((met) => setTimeout(met, 100)); // screen readers announce changes of a region they have met before
    return region;
  }

  const preparePopups = () => (mounted = mounted || mount());

  function popup(message) {
    const text = textOf(message);
    preparePopups().then((region) => show(region, text));
  }

  function textOf(message) {
    if (message && typeof message.message === "string") return message.message;
    return typeof message === "string" ? message : String(JSON.stringify(message));
  }

  function show(region, text) {
    if (!host.isConnected) document.body.appendChild(host); // a page that swaps its body has thrown it away
    if (popups.length >= POPUPS_AT_MOST) popups[0].remove();
    const element = make("div", { class: "popup" });
    element.appendChild(make("p", { class: "text", dir: "auto" }, text));
    // Escaped, because a page in GBK may read this script as GBK.
    const [lang, label] = /^zh\b/i.test(navigator.language) ? ["zh-CN", "\u5173\u95ed"] : ["en", "Close"];
    const button = make("button", { class: "close", type: "button", lang, "aria-label": label }, "\u00d7");
    element.appendChild(button);

    let timer = null;
    const restart = () => {
      clearTimeout(timer);
      if (popups.includes(shown)) timer = setTimeout(expire, POPUP_STAYS);
    };
    // Nobody has read it where the page is hidden; somebody still does where the pointer or the focus is on it.
    const expire = () => (document.hidden || element.matches(":hover, :focus-within") ? restart() : remove());
    const remove = () => {
      if (!popups.includes(shown)) return;
      popups.splice(popups.indexOf(shown), 1);
      clearTimeout(timer);
      const hadFocus = element.contains(host.shadowRoot.activeElement);
      element.remove();
      // Without this, whoever works by keyboard would be thrown back to the top of the page.
      const next = popups.length > 0 ? popups[popups.length - 1].button : focusedBefore;
      if (hadFocus && next) next.focus();
    };
    const shown = { button, restart, remove };
    popups.push(shown);
    region.appendChild(element); // at once, for one announcement
    button.addEventListener("click", remove);
    element.addEventListener("mouseleave", restart);
    element.addEventListener("focusout", restart);
    restart();
  }

  // Last in line, so that a dialog of the page can have the key and say so by preventDefault. Escape during composition
  // belongs to the input method.
  window.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || event.defaultPrevented || popups.length === 0) return;
    popups[popups.length - 1].remove();
  });

  // ---- the tag

  window.scenecast = {
    connect, set, on, off, popup,
    close: () => leave("closed", "closed by the page"),
    get state() { return state; },
    get id() { return id; },
  };

  if (!script) return; // a bundle: the page connects by hand
  if (script.hasAttribute("data-popup")) {
    preparePopups();
    on("message", popup);
  }
  if (script.hasAttribute("data-token")) {
    const labels = {};
    for (const { name, value } of Array.from(script.attributes)) {
      const key = name.startsWith("data-") ? name.slice("data-".length) : "";
      if (LABEL_KEY.test(key) && !["token", "popup", "url"].includes(key)) labels[key] = value;
    }
    connect({ url: script.dataset.url, token: script.dataset.token, labels });
  }
})();
