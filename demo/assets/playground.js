// The playground's page: its labels, its connection, and the messages that have come.
import { call, fill } from "./calls.js";
import { CuttableWebSocket, cut, isCut, restore } from "./network.js";

const SHOWN_AT_MOST = 100; // a page left open overnight must not fill the memory
const PUSHED_HERE = "playground"; // the name of messages that ask to be acknowledged

const $ = (id) => document.getElementById(id);
const stateLine = $("state"), form = $("labels"), labelsSaid = $("labels-said"), network = $("network"), messages = $("messages");
let missedUntil = ""; // where the log stood when the connection was restored

function showState(state) {
  if (isCut()) state = "cut";
  stateLine.textContent = stateLine.dataset["text" + state[0].toUpperCase() + state.slice(1)];
  stateLine.dataset.state = state;
}

function chosen() {
  const { page, plan } = Object.fromEntries(new FormData(form));
  return { page, plan: plan || null, locale: form.dataset.locale };
}

function showLabels(labels) {
  $("labels-now").replaceChildren(...Object.entries(labels).filter(([, value]) => value !== null).map(([key, value]) => {
    const item = document.createElement("code");
    item.role = "listitem";
    item.textContent = `${key}=${value}`;
    return item;
  }));
}

let newest = 0; // of the changes, which alone is told of
form.addEventListener("change", async () => {
  const change = ++newest, labels = chosen();
  labelsSaid.textContent = scenecast.id === null ? form.dataset.textPending : "";
  let said;
  try {
    await scenecast.set(labels);
    showLabels(labels);
    said = fill(form.dataset.textMoved, { id: scenecast.id });
  } catch (error) {
    said = fill(form.dataset.textRefused, { message: error.message });
  }
  if (change === newest) labelsSaid.textContent = said;
});
form.addEventListener("submit", (event) => event.preventDefault());

let restoring = false;
network.addEventListener("click", async () => {
  if (restoring) return;
  if (!isCut()) {
    cut();
  } else {
    restoring = true;
    // Whatever the log has by now was pushed while the page was cut off.
    missedUntil = await call("count", { to: "*" }).then((counted) => counted.position, () => "");
    restoring = false;
    restore();
  }
  network.textContent = isCut() ? network.dataset.textRestore : network.dataset.textCut;
  showState(scenecast.state);
});

/** Whether a position, as in mhzk2c3f-12, is none behind another one of the same log. */
function isUpTo(position, other) {
  const [epoch, number] = position.split("-"), [otherEpoch, otherNumber] = other.split("-");
  return epoch === otherEpoch && Number(number) <= Number(otherNumber);
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function acknowledgement(ack) {
  const button = element("button", "ack", messages.dataset.textAck);
  button.type = "button";
  button.addEventListener("click", () => {
    ack();
    const done = element("span", "mark good", messages.dataset.textAcked);
    done.tabIndex = -1; // the focus stays where it was
    button.replaceWith(done);
    done.focus();
  });
  return button;
}

function showMessage(message, { event, position, ack }) {
  const item = document.createElement("li"), now = new Date();
  const time = element("time", "", now.toLocaleTimeString(document.documentElement.lang));
  time.dateTime = now.toISOString();
  const text = element("span", "text", typeof message?.message === "string" ? message.message : JSON.stringify(message));
  text.dir = "auto";
  item.append(time, " ", element("span", "place", "#" + position.split("-")[1]), " ", text);
  if (missedUntil && isUpTo(position, missedUntil)) item.append(" ", element("span", "mark", messages.dataset.textReplayed));
  if (event === PUSHED_HERE && $("by-hand").checked) item.append(" ", acknowledgement(ack));
  else ack();
  messages.prepend(item);
  while (messages.children.length > SHOWN_AT_MOST) messages.lastElementChild.remove();
  $("none-yet").hidden = true;
}

if (!window.scenecast) {
  showState("missing");
} else {
  scenecast.on("state", showState);
  scenecast.on("refused", () => showState("refused"));
  scenecast.on("message", showMessage);
  const labels = chosen();
  scenecast.connect({
    token: form.dataset.token,
    labels: Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== null)),
    ack: "manual",
    WebSocket: CuttableWebSocket,
  });
  showLabels(labels);
}
