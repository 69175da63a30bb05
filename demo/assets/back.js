// The backend page: a button runs a trigger, and the page shows what the server has answered.
(function () {
  "use strict";

  const ANSWER_WITHIN = 10000;

  const buttons = document.getElementById("buttons");
  const answer = document.getElementById("answer");
  const answerBody = document.getElementById("answer-body");
  const texts = buttons.dataset;
  let newest = 0; // of two requests under way, only the newer one may write

  buttons.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-func]");
    if (button) push(button);
  });

  async function push(button) {
    const request = ++newest;
    show("sending", texts.textSending, "");
    const outcome = await run(button.dataset.func);
    if (request !== newest) return;
    // With the time and the button, because screen readers skip a text that has not changed.
    const time = new Date().toLocaleTimeString(document.documentElement.lang);
    show(outcome.kind, `${time} ${button.querySelector("strong").textContent} → ${outcome.text}`, outcome.body);
  }

  // run sends what the tutorial's controller sends, and puts what becomes of it into words.
  async function run(func) {
    const query = new URLSearchParams({ func, token: texts.token, page: "back" });
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), ANSWER_WITHIN);
    let status, body;
    try {
      const response = await fetch("../?" + query, { method: "POST", signal: patience.signal });
      status = response.status;
      body = await response.text();
    } catch (_) {
      return { kind: "error", text: texts.textUnreachable, body: "" };
    } finally {
      clearTimeout(timer);
    }

    let said = null;
    try {
      said = JSON.parse(body);
    } catch (_) { /* a proxy may answer with a page */ }
    if (said && Number(said.code) === 200 && status === 200 && Number.isInteger(said.matched)) {
      return { kind: said.matched > 0 ? "done" : "none", text: reached(said.matched), body };
    }
    if (said && typeof said.message === "string") {
      return { kind: "error", text: fill(texts.textRefused, { status, message: said.message }), body };
    }
    return { kind: "error", text: fill(texts.textUnreadable, { status }), body };
  }

  function reached(n) {
    if (n === 0) return texts.textReachedNone;
    return n === 1 ? texts.textReachedSingle : fill(texts.textReachedMany, { n });
  }

  function fill(text, values) {
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  }

  function show(kind, text, body) {
    answer.dataset.kind = kind;
    answer.textContent = text;
    answerBody.textContent = body;
    answerBody.hidden = body === "";
  }
})();
