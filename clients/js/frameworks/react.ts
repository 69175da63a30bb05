// Hooks of React 18 and later. Nothing happens while a server renders.
import { useCallback, useEffect, useRef, useSyncExternalStore } from "react";
import { scenecast } from "../src/index.ts";
import { enter, see, type PresenceState } from "./scenes.ts";
import type { Client, Labels, Meta, State } from "../src/types.ts";

/** The labels that the page has while the component is there. Returns where the client stands. */
export function useScene(labels: Labels, client: Client = scenecast): State {
  const text = JSON.stringify(labels);
  useEffect(() => enter(client, JSON.parse(text)), [client, text]);
  return useSyncExternalStore(
    useCallback((changed: () => void) => client.on("state", changed), [client]),
    () => client.state,
    () => "idle",
  );
}

/** Calls a listener for each push; with an event, for those of that name alone. What it returns is waited for before a push is acknowledged. */
export function usePush(listener: (data: any, meta: Meta) => unknown, event?: string, client: Client = scenecast): void {
  const newest = useRef(listener);
  useEffect(() => { newest.current = listener; });
  useEffect(() => client.on("message", (data, meta) => {
    return event === undefined || meta.event === event ? newest.current(data, meta) : undefined;
  }), [client, event]);
}

const NOBODY: PresenceState = { members: [], count: 0, anonymous: 0, partial: false };

/** Who is in the page's scenes of a key that the server's setting presence declares. */
export function usePresence(key: string, client: Client = scenecast): PresenceState {
  const seen = useRef(NOBODY);
  return useSyncExternalStore(
    useCallback((changed: () => void) => see(client, key, (state) => {
      seen.current = state;
      changed();
    }), [client, key]),
    () => seen.current,
    () => NOBODY,
  );
}
