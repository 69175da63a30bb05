// The stream of what happens to pages (GET v1/feed), while a screen listens.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { expired } from "./api.js";
import { loadSelf, self } from "./session.js";

const MOST = 500; // events that are kept
const PAUSE = 250; // ms: events that come together are shown together

/**
 * Listens with these parameters. Returns {events, state, waiting, clear}: the newest events first, {id, type, timestamp, data}; "connecting",
 * "live", "lost" or "closed" with its reason; how many have come while it was paused; and a function that empties the list.
 */
export function useFeed({ events: types, to }, paused) {
  const shown = useSignal([]), state = useSignal({ name: "connecting" }), waiting = useSignal(0);
  const queue = useRef([]), holds = useRef(paused);
  holds.current = paused;
  const show = () => {
    waiting.value = holds.current ? queue.current.length : 0;
    if (holds.current || !queue.current.length) return;
    shown.value = [...queue.current.reverse(), ...shown.peek()].slice(0, MOST);
    queue.current = [];
  };
  useEffect(show, [paused]);
  useEffect(() => {
    if (expired.value) return;
    const query = new URLSearchParams({ ...(types.length && { events: types.join() }), ...(to && { to }) });
    const source = new EventSource(new URL(`api/v1/feed?${query}`, document.baseURI));
    let timer;
    shown.value = [];
    queue.current = [];
    state.value = { name: "connecting" };
    const take = ({ data }) => {
      queue.current.push(JSON.parse(data));
      if (queue.current.length > MOST) queue.current.shift();
      timer ??= setTimeout(() => {
        timer = undefined;
        show();
      }, PAUSE);
    };
    for (const type of ALL) source.addEventListener(type, take);
    source.addEventListener("ready", () => (state.value = { name: "live" }));
    source.addEventListener("missed", take);
    source.addEventListener("close", ({ data }) => (state.value = { name: "closed", reason: JSON.parse(data).reason }));
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
  }, [types.join(), to, expired.value]);
  return { events: shown.value, state: state.value, waiting: waiting.value, clear: () => (shown.value = []) };
}

/** The types of events; those of scenes a confined key does not hear of. */
export const SCENES = ["joined", "left", "occupied", "vacated", "trigger", "push"];
export const ALL = ["connected", "disconnected", "relabelled", "gap", ...SCENES];
