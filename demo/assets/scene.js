// The home page and the list page: shows the state of the connection, and the messages that have come.
(function () {
  "use strict";

  const SHOWN_AT_MOST = 100; // a demo left open overnight must not fill the memory

  const stateLine = document.getElementById("state");
  const messages = document.getElementById("messages");
  const noneYet = document.getElementById("none-yet");

  function showState(state) {
    const text = "text" + state[0].toUpperCase() + state.slice(1);
    stateLine.textContent = stateLine.dataset[text];
    stateLine.dataset.state = state;
  }

  function showMessage(message) {
    const item = document.createElement("li");
    const time = document.createElement("time");
    const now = new Date();
    time.dateTime = now.toISOString();
    time.textContent = now.toLocaleTimeString(document.documentElement.lang);
    const text = document.createElement("code");
    text.dir = "auto";
    text.textContent = typeof message === "string" ? message : JSON.stringify(message);
    item.append(time, " ", text);
    messages.prepend(item);
    while (messages.children.length > SHOWN_AT_MOST) messages.lastElementChild.remove();
    noneYet.hidden = true;
  }

  if (!window.scenecast) {
    showState("missing");
    return;
  }
  showState(scenecast.state); // the script began to connect before this one was here
  scenecast.on("state", showState);
  scenecast.on("refused", () => showState("refused"));
  scenecast.on("message", showMessage);
})();
