import style from "./popup.css";

const STAYS = 10000;
const AT_MOST = 5;

interface Shown { button: HTMLElement; restart(): void; remove(): void }

const popups: Shown[] = []; // oldest first
let mounted: Promise<HTMLElement> | undefined; // the region that announces
let host: HTMLElement;
let focusedBefore: HTMLElement | null = null;

/** Shows message.message, or the text, or the message's JSON; never HTML. */
export function popup(message: any): void {
  const text = textOf(message);
  preparePopups().then((region) => show(region, text));
}

/** Mounts the region before there is anything to show, so that the first pop-up comes without delay. */
export const preparePopups = (): Promise<HTMLElement> => (mounted = mounted || mount());

function textOf(message: any): string {
  if (message && typeof message.message === "string") return message.message;
  return typeof message === "string" ? message : String(JSON.stringify(message));
}

function make(tag: string, attributes: Record<string, string>, text = ""): HTMLElement {
  const element = document.createElement(tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  element.textContent = text;
  return element;
}

// The region is the one thing that is announced: polite, and only what is added, so that each pop-up is read exactly once. A
// role="alert" on the pop-ups would have them read again, and aria-atomic, which role="status" implies, would have all the
// others read with each new one.
async function mount(): Promise<HTMLElement> {
  if (!document.body) await new Promise((parsed) => document.addEventListener("DOMContentLoaded", parsed));
  host = document.body.appendChild(make("div", { id: "scenecast-popups" }));
  const root = host.attachShadow({ mode: "open" });
  if ("adoptedStyleSheets" in root) {
    const sheet = new CSSStyleSheet(); // a strict Content-Security-Policy allows it, unlike a style element
    sheet.replaceSync(style);
    root.adoptedStyleSheets = [sheet];
  } else {
    (root as ShadowRoot).appendChild(make("style", {}, style));
  }
  const region = (root as ShadowRoot).appendChild(
    make("div", { class: "popups", role: "status", "aria-live": "polite", "aria-atomic": "false", "aria-relevant": "additions" }),
  );
  region.addEventListener("focusin", ({ relatedTarget }) => {
    if (relatedTarget && !region.contains(relatedTarget as Node)) focusedBefore = relatedTarget as HTMLElement;
  });
  // Last in line, so that a dialog of the page can have the key and say so by preventDefault. Escape during composition
  // belongs to the input method.
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing && !event.defaultPrevented) popups[popups.length - 1]?.remove();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) popups.forEach((shown) => shown.restart());
  });
  await new Promise((met) => setTimeout(met, 100)); // screen readers announce changes of a region they have met before
  return region;
}

function show(region: HTMLElement, text: string) {
  if (!host.isConnected) document.body.appendChild(host); // a page that swaps its body has thrown it away
  if (popups.length >= AT_MOST) popups[0].remove();
  const element = make("div", { class: "popup" });
  element.appendChild(make("p", { class: "text", dir: "auto" }, text));
  const [lang, label] = /^zh\b/i.test(navigator.language) ? ["zh-CN", "关闭"] : ["en", "Close"];
  const button = make("button", { class: "close", type: "button", lang, "aria-label": label }, "×");
  element.appendChild(button);

  let timer: ReturnType<typeof setTimeout>;
  const restart = () => {
    clearTimeout(timer);
    if (popups.includes(shown)) timer = setTimeout(expire, STAYS);
  };
  // Nobody has read it where the page is hidden; somebody still does where the pointer or the focus is on it.
  const expire = () => (document.hidden || element.matches(":hover, :focus-within") ? restart() : remove());
  const remove = () => {
    if (!popups.includes(shown)) return;
    popups.splice(popups.indexOf(shown), 1);
    clearTimeout(timer);
    const hadFocus = element.contains(host.shadowRoot!.activeElement);
    element.remove();
    // Without this, whoever works by keyboard would be thrown back to the top of the page.
    const next = popups.length > 0 ? popups[popups.length - 1].button : focusedBefore;
    if (hadFocus) next?.focus();
  };
  const shown: Shown = { button, restart, remove };
  popups.push(shown);
  region.appendChild(element); // at once, for one announcement
  region.scrollTop = region.scrollHeight;
  button.addEventListener("click", remove);
  element.addEventListener("mouseleave", restart);
  element.addEventListener("focusout", restart);
  restart();
}
