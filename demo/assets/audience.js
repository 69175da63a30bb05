// The playground's backend: counts an audience while it is typed, pushes to it, and shows how many pages have acknowledged.
import { call, fill, Refusal, tell } from "./calls.js";

const TYPED_FOR = 250; // ms without a key before it is counted
const COUNT_EVERY = 2000;
const RECEIPTS_EVERY = 400;
const RECEIPTS_FOR = 5 * 60 * 1000; // for so long the server takes acknowledgements

const $ = (id) => document.getElementById(id);
const form = $("push"), texts = form.dataset, to = $("to"), count = $("count"), answer = $("answer");

// A status that has not changed is not written again: screen readers would say it again.
function show(line, kind, text) {
  line.dataset.kind = kind;
  if (line.textContent !== text) line.textContent = text;
}

const why = (error) => (error instanceof Refusal ? error.message : texts.textUnreachable);

let timer, newest = 0; // of the counts under way, only the newest may write

function countIn(ms) {
  clearTimeout(timer);
  timer = setTimeout(countNow, ms);
}

async function countNow() {
  clearTimeout(timer);
  if (document.hidden) return countIn(COUNT_EVERY);
  const mine = ++newest;
  try {
    const { matched } = await call("count", { to: to.value });
    if (mine !== newest) return;
    to.removeAttribute("aria-invalid");
    show(count, matched > 0 ? "done" : "none", tell(texts, "Matches", matched));
  } catch (error) {
    if (mine !== newest) return;
    if (error instanceof Refusal) to.setAttribute("aria-invalid", "true");
    show(count, "error", why(error));
  }
  countIn(COUNT_EVERY); // pages come and go
}

to.addEventListener("input", () => {
  newest++; // what is under way is of another text
  count.dataset.kind = "busy";
  countIn(TYPED_FOR);
});

$("examples").addEventListener("click", (event) => {
  const example = event.target.closest("button.example");
  if (!example) return;
  to.value = example.textContent;
  countNow();
});

let push = 0; // the newest, which is shown

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const mine = ++push;
  show(answer, "sending", texts.textSending);
  $("receipts").hidden = true;
  let sent;
  try {
    sent = await call("push", { to: to.value, message: $("message").value });
  } catch (error) {
    if (mine === push) show(answer, "error", why(error));
    return;
  }
  if (mine !== push) return;
  // With the time, because screen readers skip a text that has not changed.
  const time = new Date().toLocaleTimeString(document.documentElement.lang);
  show(answer, sent.matched > 0 ? "done" : "none", `${time} ${tell(texts, "Reached", sent.matched)}`);
  if (sent.queued > 0) follow(mine, sent, performance.now() + RECEIPTS_FOR);
});

function follow(mine, receipts, until) {
  if (mine !== push) return;
  $("receipts").hidden = false;
  const bar = $("acked");
  bar.max = receipts.queued;
  bar.value = receipts.acked;
  $("acked-of").textContent = fill(texts.textAckedOf, { n: receipts.acked, all: receipts.queued });
  if (receipts.acked >= receipts.queued || performance.now() > until) return;
  setTimeout(async () => {
    const next = await call("pushes/" + encodeURIComponent(receipts.id)).catch(() => receipts);
    follow(mine, next, until);
  }, RECEIPTS_EVERY);
}

countNow();
