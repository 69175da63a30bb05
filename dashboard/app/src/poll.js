// Polls a call while somebody looks: not while the tab is hidden, the screen is another one, or the session has ended.
import { effect, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { call, expired } from "./api.js";

const PATIENCE = 10_000; // ms that an answer may take

/**
 * Asks GET path now, and again `every` ms after each answer; null as path asks nothing. Returns {value, problem, at, refresh}: the last
 * answer to this path, why a later one is missing, when the last one came, and a function that asks at once.
 */
export function usePoll(path, every = 2000) {
  const state = useSignal({});
  const refresh = useRef(() => {});
  useEffect(() => {
    if (path === null) return;
    let timer, running, ended = false;
    const ask = async () => {
      clearTimeout(timer);
      if (ended || running || document.hidden || expired.peek()) return;
      running = new AbortController();
      const late = setTimeout(() => running.abort(), PATIENCE);
      try {
        const value = await call("GET", path, undefined, running);
        if (!ended) state.value = { path, value, at: Date.now() };
      } catch (problem) {
        const last = state.peek();
        if (!ended && problem.status !== 401) state.value = { path, problem, ...(last.path === path && { value: last.value, at: last.at }) };
      }
      clearTimeout(late);
      running = undefined;
      if (!ended) timer = setTimeout(ask, every);
    };
    refresh.current = ask;
    document.addEventListener("visibilitychange", ask);
    const stop = effect(() => {
      if (!expired.value) void ask();
    });
    return () => {
      ended = true;
      clearTimeout(timer);
      running?.abort();
      stop();
      document.removeEventListener("visibilitychange", ask);
    };
  }, [path, every]);
  const { value, problem, at } = state.value.path === path ? state.value : {};
  return { value, problem, at, refresh: () => refresh.current() };
}
