interface Visits {
  /** The network or the reader is back. */
  wake(renewed: boolean): void;
  /** The page is left, and may come back from the back/forward cache. */
  hide(): void;
}

/** Tells of what happens to the page; outside of browsers nothing does. */
export function watchPage({ wake, hide }: Visits): void {
  if (!SCRIPT_TAG && !globalThis.addEventListener) return;
  addEventListener("online", () => wake(true));
  if (!SCRIPT_TAG && !globalThis.document) return; // a worker
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) wake(false);
  });
  // An open socket keeps a page out of that cache.
  addEventListener("pagehide", hide);
  addEventListener("pageshow", (event) => {
    if ((event as PageTransitionEvent).persisted) wake(false);
  });
}
