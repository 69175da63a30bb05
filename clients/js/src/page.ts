interface Handlers {
  /** The network (`renewed`) or the reader is back, or the page that was prerendered is shown. */
  wake(renewed: boolean): void;
  /** The page is left, and may come back from the back/forward cache. */
  hide(): void;
}

/** Whether the browser renders the page ahead of a visit that may never come; it holds the page's WebSockets back meanwhile. */
export const isPrerendering = (): boolean => !!(globalThis.document as { prerendering?: boolean } | undefined)?.prerendering;

/** Listens to what happens to the page, until the returned function is called; outside of browsers nothing does. */
export function watchPage({ wake, hide }: Handlers): () => void {
  const abort = new AbortController(), { signal } = abort;
  const { document } = globalThis; // a worker has none, and Node no events either
  const listen = (target: EventTarget | undefined, name: string, listener: (event: Event) => void) =>
    target?.addEventListener?.(name, listener, { signal });
  listen(globalThis, "online", () => wake(true));
  listen(document, "visibilitychange", () => {
    if (!document.hidden) wake(false);
  });
  listen(document, "prerenderingchange", () => wake(false));
  // An open socket keeps a page out of that cache.
  listen(globalThis, "pagehide", hide);
  listen(globalThis, "pageshow", (event) => {
    if ((event as PageTransitionEvent).persisted) wake(false);
  });
  return () => abort.abort();
}
