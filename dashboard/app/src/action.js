// What a button does: one call at a time, with its outcome.
import { useSignal } from "@preact/signals";

/**
 * Wraps a function that calls the server. Returns {run, busy, value, problem, clear}. run passes its arguments on, does nothing while an
 * earlier one runs, and never throws: the outcome is in value or problem. Nothing is repeated by itself.
 */
export function useAction(work) {
  const state = useSignal({ busy: false });
  const run = async (...args) => {
    if (state.peek().busy) return;
    state.value = { busy: true };
    try {
      state.value = { busy: false, value: await work(...args) };
    } catch (problem) {
      state.value = { busy: false, problem };
    }
  };
  return { ...state.value, run, clear: () => (state.value = { busy: false }) };
}
