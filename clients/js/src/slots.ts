const MOST = 4; // of the six connections that browsers allow to one host over HTTP/1.1: some must be left for all else

/** An event stream's place among those of all pages of this site. */
export interface Slot {
  /** The page is shown, and so its stream is the last one to yield. */
  renew(): void;
  release(): void;
}

/**
 * Takes a place for an event stream to a host. Where more pages have one than there are places, `yielded` is called in the page
 * that was opened or shown the longest ago. Each page knows by itself when it is that: it counts the pages that have said, since
 * it was shown, that they are; so there is no leader that could be missing. (Web Locks would be the means, but only over HTTPS.)
 */
export function acquireSlot(host: string, yielded: () => void): Slot | undefined {
  // In a page only: a worker, as Node, has no reader who looks at one of them at a time.
  if (!globalThis.document || !globalThis.BroadcastChannel || isMultiplexed(host)) return;
  const channel = new BroadcastChannel("scenecast " + host);
  const id = Math.random();
  const newer = new Set<number>(); // the pages that are shown since this one was, and still have a stream
  const tell = (holds: boolean) => channel.postMessage([id, holds]);
  channel.onmessage = ({ data: [other, holds] }) => {
    if (!holds) newer.delete(other);
    else if (newer.add(other).size >= MOST) yielded();
  };
  const renew = () => {
    newer.clear();
    tell(true);
  };
  renew();
  return {
    renew,
    release() {
      tell(false);
      channel.close();
    },
  };
}

/** Whether what this page has loaded from a host came over HTTP/2 or later, where streams share one connection. */
const isMultiplexed = (host: string): boolean => performance.getEntries().some(({ name, nextHopProtocol }: any) =>
  /^h[23]/.test(nextHopProtocol) && name.includes(`//${host}/`));
