// What all pages of the server do: show the server's address as the browser knows it, and copy snippets.
(function () {
  "use strict";

  const RESTORE_AFTER = 2000;

  // The server sees neither the prefix that a proxy has stripped nor the TLS that it has ended.
  for (const shown of document.querySelectorAll("[data-address]")) {
    shown.textContent = new URL(shown.dataset.address, document.baseURI).href;
  }

  // Buttons may be added later, so there is one listener for all. Without this script they stay hidden.
  document.documentElement.classList.add("scripted");
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (button) copy(button);
  });

  // Where the clipboard is not to be had, which is so without HTTPS, the text is left selected.
  async function copy(button) {
    const snippet = button.parentElement.querySelector("pre");
    getSelection().selectAllChildren(snippet);
    const written = await navigator.clipboard?.writeText(snippet.textContent).then(() => true, () => false);
    const text = written || document.execCommand("copy") ? button.dataset.copied : button.dataset.selected;
    button.dataset.label ??= button.textContent;
    button.textContent = text;
    document.getElementById("said").textContent = text; // for screen readers
    setTimeout(() => (button.textContent = button.dataset.label), RESTORE_AFTER);
  }
})();
