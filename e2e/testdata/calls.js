// Notes which calls of the API the dashboard makes on which screen, and after how long it makes them again.
(() => {
  const calls = e2e.calls = {}; // by screen
  let screen = "now"; // whose listeners are there: calls that it makes when the address has changed already are its own
  addEventListener("hashchange", () => { screen = location.hash.split(/[/?]/)[1] || "now"; }, { capture: true }); // before the dashboard's
  let answered; // the call whose answer has just come: what the page does at once with it comes before anything else

  const note = (url, method, body, streams) => {
    const { href } = new URL(url, document.baseURI), path = href.split("/dashboard/api/")[1];
    const call = { method, path, body, every: 0, streams };
    if (path && path !== "v1/self") (calls[screen] ??= []).push(call); // which is asked at the login
    return call;
  };

  const { fetch, setTimeout } = window;
  window.fetch = async (url, { method, body = "", ...options }) => {
    const call = note(url, method, body, false);
    const response = await fetch(url, { method, ...(body && { body }), ...options }), text = response.text.bind(response);
    response.text = async () => {
      const result = await text();
      answered = call;
      void (async () => {
        for (let turn = 0; turn < 100; turn++) await null; // all behind the answer, and before any other event
        if (answered === call) answered = undefined;
      })();
      return result;
    };
    return response;
  };
  window.setTimeout = (callback, delay, ...args) => {
    if (answered && delay >= 1000) { // what is shorter is of the drawing
      answered.every = delay;
      answered = undefined;
    }
    return setTimeout(callback, delay, ...args);
  };
  window.EventSource = class extends EventSource {
    constructor(url) {
      super(url);
      note(url, "GET", "", true);
    }
  };

  // Each call of a screen once, in the order of their addresses.
  e2e.called = (screen) => {
    const once = new Map();
    for (const call of calls[screen] ?? []) {
      const name = call.method + call.path + call.body;
      if (!once.get(name)?.every) once.set(name, call);
    }
    return [...once.values()].sort((a, b) => (a.path < b.path ? -1 : 1)).map(({ method, path, body, every, streams }) => ({ body, every, method, path, streams }));
  };
})();
