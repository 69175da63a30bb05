// Runs in every page of the tests before the page's own scripts. What the tests look at is in window.e2e.
(() => {
  const e2e = window.e2e = {
    speed: 1, // by which setTimeout is faster than it should be
    heartbeat: 1, // by which the heartbeat is faster still, and not what waits for its answer
    timers: new Map(), // set, and neither fired nor cleared, with their delays
    sockets: 0, // WebSockets ever made
    welcomed: 0, // of those, the ones that have got a message
    answers: 0, // to heartbeats
    messages: [], // what scenecast.on("message") got, from record on
    losses: [], // what "close" and "refused" got, likewise
    violations: [], // of the page's Content-Security-Policy

    record() {
      scenecast.on("message", (data) => e2e.messages.push(data));
      for (const event of ["close", "refused"]) {
        scenecast.on(event, (loss) => e2e.losses.push(`${event} ${loss.code} ${scenecast.state}`));
      }
    },

    scenes: [], // what came and what was confirmed, in one order, from recordScenes on
    positions: [], // of what came
    outcomes: {}, // of later

    recordScenes() {
      scenecast.on("message", (data, { position }) => {
        e2e.scenes.push(data);
        e2e.positions.push(position);
      });
    },
    move: (scene) => scenecast.set({ page: scene }).then(() => void e2e.scenes.push({ Confirmed: scene })),
    inOrder: () => e2e.positions.map((p) => Number(p.split("-")[1])).every((n, i, all) => i === 0 || n > all[i - 1]),

    later(name, labels) {
      scenecast.set(labels).then(() => "done", e2e.tell).then((how) => { e2e.outcomes[name] = how; });
    },
    tell(error) {
      if (error.name === "TypeError") return error.name;
      const { name, kind, where, setting, message } = error;
      return `${name} ${kind}${where ? ` at ${where}` : ""}${setting ? ` by ${setting}` : ""}: ${message}`;
    },

    root: () => document.querySelector("#scenecast-popups").shadowRoot,
    popups: () => Array.from(e2e.root().querySelectorAll("[role=status] > .popup")),
    popupTexts: () => e2e.popups().map((popup) => popup.querySelector(".text").textContent),
    listed: () => Array.from(document.querySelectorAll("#messages > li > code"), (code) => code.textContent).reverse(),

    // Whether a human would see it: in the viewport, opaque, and not covered by anything.
    seen(popup) {
      const box = popup.getBoundingClientRect();
      const middle = [box.left + box.width / 2, box.top + box.height / 2];
      return box.width > 0 && box.height > 0 && box.left >= 0 && box.top >= 0 &&
        box.right <= innerWidth && box.bottom <= innerHeight &&
        popup.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
        getComputedStyle(popup).opacity === "1" &&
        document.elementFromPoint(...middle) === e2e.root().host &&
        popup.contains(e2e.root().elementFromPoint(...middle));
    },
  };

  const { setTimeout, clearTimeout } = window;
  window.setTimeout = (callback, delay = 0, ...args) => {
    const timer = setTimeout(() => {
      e2e.timers.delete(timer);
      callback(...args);
    }, delay / e2e.speed / (delay === 25000 ? e2e.heartbeat : 1));
    e2e.timers.set(timer, delay);
    return timer;
  };
  window.clearTimeout = (timer) => {
    e2e.timers.delete(timer);
    clearTimeout(timer);
  };

  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      e2e.sockets++;
      this.addEventListener("message", () => e2e.welcomed++, { once: true });
      this.addEventListener("message", ({ data }) => {
        if (data === '{"code":200,"message":"heartbeat"}' || data.startsWith('{"type":"pong"')) e2e.answers++;
      });
    }
  };

  document.addEventListener("securitypolicyviolation", (event) => {
    e2e.violations.push(`${event.effectiveDirective}: ${event.blockedURI}`);
  });
})();
