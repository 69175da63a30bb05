import { BAD_MESSAGE, NO_EVENT_STREAM } from "./codes.ts";

const ENOUGH = 2;

/**
 * Which way to take to the server: WebSocket, or an event stream where WebSocket does not get through.
 *
 * "Does not get through" is two attempts in a row that end without a word from the server, on a network (see renewed) on
 * which WebSocket has never worked, while the browser believes to be online. A server that is down looks the same, so an
 * event stream that does not come about leads back to WebSocket; one that comes about stays, until it is time to try again.
 */
export interface Route {
  readonly streams: boolean;
  /** The server has greeted the page. */
  arrived(): void;
  /** An attempt has ended, or a connection. */
  lost(welcomed: boolean, code: number): void;
  /** WebSocket is to be tried again: time has passed, or the network may be another one. Reports whether that is news. */
  renewed(): boolean;
}

export function createRoute(canSocket: boolean, canStream: boolean): Route {
  let streams = !canSocket;
  let failed = 0; // attempts by WebSocket, in a row
  let proven = false;

  return {
    get streams() { return streams; },
    arrived() {
      if (streams) return;
      proven = true;
      failed = 0;
    },
    lost(welcomed, code) {
      if (welcomed || !canSocket) return;
      if (streams) {
        if (code === NO_EVENT_STREAM) canStream = false;
        streams = false;
        failed = ENOUGH - 1;
      } else if (code >= BAD_MESSAGE) {
        failed = 0; // the server has spoken
      } else if (globalThis.navigator?.onLine !== false && ++failed >= ENOUGH) {
        streams = canStream && !proven;
      }
    },
    renewed() {
      proven = false;
      failed = streams ? ENOUGH - 1 : 0;
      if (!streams || !canSocket) return false;
      streams = false;
      return true;
    },
  };
}
