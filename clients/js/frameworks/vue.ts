// Composables of Vue 3.3 and later. Nothing happens while a server renders.
import { getCurrentInstance, onMounted, onScopeDispose, shallowReadonly, shallowRef, toValue, watch, type MaybeRefOrGetter, type ShallowRef } from "vue";
import { scenecast } from "../src/index.ts";
import { enter, see, type PresenceState } from "./scenes.ts";
import type { Client, Labels, Meta, State } from "../src/types.ts";

/** Runs in a browser, once what is rendered there is there; never where a server renders. */
function once(start: () => () => void) {
  let stop: (() => void) | undefined;
  let ended = false;
  const begin = () => { if (!ended) stop = start(); };
  if (getCurrentInstance()) onMounted(begin);
  else begin();
  onScopeDispose(() => {
    ended = true;
    stop?.();
  });
}

/** The labels that the page has while the component is there: an object, a ref of one, or a getter. Returns where the client stands. */
export function useScene(labels: MaybeRefOrGetter<Labels>, client: Client = scenecast): Readonly<ShallowRef<State>> {
  const state = shallowRef<State>("idle");
  once(() => {
    let leave = () => {};
    const unwatch = watch(() => JSON.stringify(toValue(labels)), (text) => {
      leave();
      leave = enter(client, JSON.parse(text));
    }, { immediate: true });
    state.value = client.state;
    const off = client.on("state", (now) => { state.value = now; });
    return () => {
      unwatch();
      off();
      leave();
    };
  });
  return shallowReadonly(state);
}

/** Calls a listener for each push; with an event, for those of that name alone. What it returns is waited for before a push is acknowledged. */
export function usePush(listener: (data: any, meta: Meta) => unknown, event?: string, client: Client = scenecast): void {
  once(() => client.on("message", (data, meta) => {
    return event === undefined || meta.event === event ? listener(data, meta) : undefined;
  }));
}

/** Who is in the page's scenes of a key that the server's setting presence declares. */
export function usePresence(key: string, client: Client = scenecast): Readonly<ShallowRef<PresenceState>> {
  const state = shallowRef<PresenceState>({ members: [], count: 0, anonymous: 0, partial: false });
  once(() => see(client, key, (now) => { state.value = now; }));
  return shallowReadonly(state);
}
