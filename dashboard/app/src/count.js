// How many pages an audience has, asked while it is typed.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call, expired } from "./api.js";

const PAUSE = 250, AGAIN = 3000; // ms: after the last key, and while nothing is typed

/**
 * Counts the pages of an audience, with a sample of them: {of, answer, problem}, where `of` names what was counted. It counts when nothing was
 * typed for a moment, and again as pages come and go. An empty audience is not counted.
 */
export function useCount(to, except, sample = 5) {
  const state = useSignal({}), of = JSON.stringify([to, except]);
  useEffect(() => {
    if (!to.trim()) {
      state.value = { of };
      return;
    }
    let timer, running;
    const count = async () => {
      clearTimeout(timer);
      if (!document.hidden && !expired.peek()) {
        running = new AbortController();
        const { signal } = running;
        try {
          const answer = await call("POST", "v1/audience", { to, ...(except.trim() && { except }), sample }, { signal });
          if (!signal.aborted) state.value = { of, answer };
        } catch (problem) {
          if (!signal.aborted && problem.status !== 401) state.value = { of, problem };
        }
        if (signal.aborted) return;
      }
      timer = setTimeout(count, AGAIN);
    };
    timer = setTimeout(count, PAUSE);
    return () => {
      clearTimeout(timer);
      running?.abort();
    };
  }, [of, sample, expired.value]);
  const { of: counted, ...outcome } = state.value;
  return { ...outcome, current: counted === of };
}
