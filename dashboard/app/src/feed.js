// The stream of what happens to pages (GET v1/feed), while a screen listens.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { expired } from "./api.js";
import { FeedQueue, MOST } from "./feedqueue.js";
import { loadSelf, self } from "./session.js";

const PAUSE = 250, FLOODED = 1000; // ms: events that come within it are shown together, and where more come than can be shown, more seldom

/**
 * Listens with these parameters. Returns {events, state, waiting, leftOut, clear, listen}: the newest events first, {id, type, timestamp, data} and
 * a key of their own; {name: "connecting", "live", "lost", "behind" or "closed"} with its reason; how many have come while it was paused; how many
 * were not shown, because more come than can be; and functions that empty the list, and listen again after "behind".
 */
export function useFeed({ events: types, to }, paused) {
  const shown = useSignal([]), state = useSignal({ name: "connecting" }), waiting = useSignal(0), leftOut = useSignal(0), turn = useSignal(0);
  const queue = useRef(new FeedQueue()), holds = useRef(paused), keys = useRef(0);
  holds.current = paused;
  const show = () => {
    waiting.value = holds.current ? queue.current.waiting : 0;
    if (!holds.current && queue.current.waiting) {
      const events = queue.current.next(performance.now()).map((event) => ({ ...event, key: keys.current++ }));
      if (events.length) shown.value = [...events, ...shown.peek()].slice(0, MOST);
    }
    leftOut.value = queue.current.leftOut;
  };
  const clear = () => {
    shown.value = [];
    leftOut.value = queue.current.leftOut = 0;
  };
  useEffect(show, [paused]);
  useEffect(() => {
    if (expired.value) return;
    const query = new URLSearchParams({ ...(types.length && { events: types.join() }), ...(to && { to }) });
    const source = new EventSource(new URL(`api/v1/feed?${query}`, document.baseURI));
    let timer;
    queue.current = new FeedQueue();
    clear();
    state.value = { name: "connecting" };
    const take = ({ data }) => {
      queue.current.take(data);
      timer ??= setTimeout(() => {
        timer = undefined;
        show();
      }, queue.current.flooded ? FLOODED : PAUSE);
    };
    for (const type of [...ALL, "missed"]) source.addEventListener(type, take);
    source.addEventListener("ready", () => (state.value = { name: "live" }));
    source.addEventListener("close", ({ data }) => {
      const { kind, reason } = JSON.parse(data);
      if (kind === "too_many") source.close(); // by itself it would come back to the same
      state.value = { name: kind === "too_many" ? "behind" : "closed", reason };
    });
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) {
        state.value = { ...state.peek(), name: state.peek().name === "closed" ? "closed" : "lost" };
        return;
      }
      state.value = { name: "lost" }; // it was refused, and does not come back by itself: perhaps the session has ended
      void loadSelf().then(() => !self.value && (expired.value = true));
    });
    return () => {
      source.close();
      clearTimeout(timer);
    };
  }, [types.join(), to, expired.value, turn.value]);
  return {
    events: shown.value, state: state.value, waiting: waiting.value, leftOut: leftOut.value, clear, listen: () => turn.value++,
  };
}

/** The types of events; those of scenes a confined key does not hear of. */
export const SCENES = ["joined", "left", "occupied", "vacated", "trigger", "push"];
export const ALL = ["connected", "disconnected", "relabelled", "gap", ...SCENES];
