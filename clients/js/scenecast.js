/*
 * Scenecast's page script: one tag, and the page gets what the backend pushes to it.
 *
 *   <script src="http://host:9502/scenecast.js" data-token="..." data-page="home" data-popup></script>
 *
 *   data-token   connects at once with this token; without it, the page calls scenecast.connect itself
 *   data-popup   shows every push as a pop-up
 *   data-url     where to connect, if not to the root of the host that served this script
 *   data-<key>   any other is a label: data-page="home" is page=home. HTML makes attribute names lower case. A name
 *                that cannot be a label's key is ignored.
 *
 *   scenecast.connect({url, token, labels})   connects, in place of the present connection; url may be left out;
 *                                             labels is {key: "value"} or {key: ["several", "values"]}
 *   scenecast.close()                         disconnects, until connect is called again
 *   scenecast.state                           "idle", "connecting", "open", "waiting" (to try again) or "closed"
 *   scenecast.popup(message)                  shows a pop-up: message.message, or the text, or the message's JSON
 *   scenecast.on(event, listener)             returns a function that unsubscribes; scenecast.off(event, listener)
 *
 *     "message"  (data, MessageEvent)   a push: its JSON, parsed, or its text where it is not JSON
 *     "open"     ()                     the socket is open
 *     "welcome"  (data, MessageEvent)   the server has greeted it: from now on pushes arrive
 *     "close"    ({code, reason})       the socket is gone; code 4000: it was dead without saying so. After 1000 (done)
 *                                       and 4409 (replaced by another page) there is no further attempt
 *     "refused"  ({code, reason})       nor after 4401 and 4403: the server does not want this page
 *     "state"    (state)                scenecast.state has changed
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
  // Whether or not pushes come in: the server counts what it receives, and closes after 121 s. That leaves room for the
  // minute by which browsers delay the timers of hidden pages.
  const HEARTBEAT_EVERY = 25000, HEARTBEAT_ANSWER = '{"code":200,"message":"heartbeat"}';
  // Close codes, as in closecode.go.
  const DONE = 1000, DEAD = 4000, UNAUTHORIZED = 4401, FORBIDDEN = 4403, REPLACED = 4409, TOO_MANY = 4429,
    GOING_AWAY = 4503;
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
  let address = null; // the WebSocket URL with labels and token
  let failures = 0; // since the last welcome
  let retryTimer = null;

  // The one live socket, and what is known of it. Events of any other socket are stale.
  let socket = null;
  let welcomed = false;
  let heartbeats = 0; // sent and not answered yet
  let heartbeatTimer = null;
  let deadline = null; // runs while the server owes a frame; null where it does not

  function setState(next) {
    if (state === next) return;
    state = next;
    emit("state", state);
  }

  function addressOf({ url, token, labels }) {
    if (typeof token !== "string" || token === "") throw new TypeError("scenecast: token must be a non-empty string");
    const target = url ? new URL(url, document.baseURI) : new URL("/", (script && script.src) || location.href);
    if (target.protocol === "http:") target.protocol = "ws:";
    if (target.protocol === "https:") target.protocol = "wss:";
    target.hash = ""; // WebSocket refuses one
    for (const [key, values] of Object.entries(labels || {})) {
      if (!LABEL_KEY.test(key) || key === "token") throw new TypeError(`scenecast: "${key}" cannot be a label's key`);
      for (const value of [].concat(values)) {
        if (typeof value !== "string") throw new TypeError(`scenecast: label "${key}" must be a string or strings`);
        target.searchParams.append(key, value);
      }
    }
    target.searchParams.set("token", token);
    return target.href;
  }

  function connect(options) {
    failures = 0;
    dial(addressOf(options || {}));
  }

  function dial(to) {
    const dialed = new WebSocket(to); // a mistake throws by now, and leaves the present connection alone
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
    address = to;
    socket = dialed;
    welcomed = false;
    heartbeats = 0;
    heartbeatTimer = setTimeout(sendHeartbeat, HEARTBEAT_EVERY);
    deadline = setTimeout(dead, WELCOME_WITHIN);
    setState("connecting");
  }

  // letGo stops caring about the live socket, if there is one, and reports whether there was. It does not wait for the
  // socket's close event: on a dead network that one comes a minute late.
  function letGo(code, reason) {
    const gone = socket;
    socket = null;
    for (const timer of [retryTimer, heartbeatTimer, deadline]) clearTimeout(timer);
    if (gone) gone.close(code, reason);
    return gone !== null;
  }

  function leave(next, reason) {
    const had = letGo(DONE, reason);
    setState(next);
    if (had) emit("close", { code: DONE, reason });
  }

  const dead = () => lost(DEAD, "no frame from the server in time");

  function lost(code, reason) {
    letGo(DEAD, reason); // to no effect on a socket that has told us itself
    const refused = code === UNAUTHORIZED || code === FORBIDDEN;
    const final = refused || code === DONE || code === REPLACED;
    if (!final) retry(code);
    if (refused) console.error(`scenecast: refused by the server (${code} ${reason}); not trying again`);
    setState(final ? "closed" : "waiting");
    emit("close", { code, reason });
    if (refused) emit("refused", { code, reason });
  }

  // A refused upgrade (HTTP 401) looks like any other failure to a browser, so it is tried again as well.
  function retry(code) {
    let within = Math.min(RETRY_WITHIN_AT_MOST, FIRST_RETRY_WITHIN * 2 ** failures);
    if (code === GOING_AWAY || code === TOO_MANY) within = Math.max(within, SPREAD);
    failures++;
    retryTimer = setTimeout(() => dial(address), Math.random() * within);
  }

  function receive(event) {
    clearTimeout(deadline);
    deadline = null;
    let data = event.data;
    try {
      data = JSON.parse(data);
    } catch (_) { /* a push may be plain text */ }

    if (!welcomed) {
      welcomed = true;
      failures = 0;
      emit("welcome", data, event);
    } else if (heartbeats > 0 && event.data === HEARTBEAT_ANSWER) {
      heartbeats--;
    } else {
      emit("message", data, event);
    }
  }

  function sendHeartbeat() {
    clearTimeout(heartbeatTimer);
    heartbeatTimer = setTimeout(sendHeartbeat, HEARTBEAT_EVERY);
    if (deadline !== null) return; // the server owes a frame already; asking again must not give it more time
    socket.send("heartbeat");
    heartbeats++;
    deadline = setTimeout(dead, ANSWER_WITHIN);
  }

  // The network or the reader is back: waiting longer makes no sense, and an open socket may have died meanwhile.
  function wake() {
    if (state === "waiting") dial(address);
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
    connect, on, off, popup,
    close: () => leave("closed", "closed by the page"),
    get state() { return state; },
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
