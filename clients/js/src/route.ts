import { BAD_MESSAGE, DEAD, LOST, NO_EVENT_STREAM } from "./codes.ts";

const ENOUGH = 2;
const WELCOME_WITHIN = 20000; // browsers themselves wait for minutes
const WELCOME_OR_STREAM = 8000; // so that pushes come within 10 s

/**
 * Which way to take to the server: WebSocket, or an event stream where WebSocket does not get through.
 *
 * "Does not get through" is two attempts in a row that end without a word from the server, or one that does not end at all, on
 * a network (see renewed) on which WebSocket has never worked, while the browser believes to be online. A server that is down
 * looks the same, so an event stream that does not come about leads back to WebSocket; one that comes about stays, until it is
 * time to try again.
 */
export interface Route {
  /** Whether the next attempt is by event stream. */
  readonly streams: boolean;
  /** How long the server may take to greet the page, in ms: less where there is another way. */
  readonly patience: number;
  /** The server has greeted the page over WebSocket. */
  arrived(): void;
  /** An attempt has ended before the server has greeted the page; `streamed` tells which way it was. */
  failed(streamed: boolean, code: number): void;
  /** Time has passed, or the network may be another one. Reports whether WebSocket is worth another attempt. */
  renewed(): boolean;
}

export function createRoute(canSocket: boolean, canStream: boolean): Route {
  let streams = !canSocket;
  let failures = 0; // of WebSocket, in a row
  let proven = false;

  return {
    get streams() { return streams; },
    get patience() { return canStream && !proven && !streams ? WELCOME_OR_STREAM : WELCOME_WITHIN; },
    arrived() {
      proven = true;
      failures = 0;
    },
    failed(streamed, code) {
      if (!canSocket) return;
      if (streamed) {
        if (![LOST, DEAD, NO_EVENT_STREAM].includes(code)) return; // the server has spoken: it has event streams
        if (code === NO_EVENT_STREAM) canStream = false;
        streams = false;
        failures = ENOUGH - 1;
      } else if (code >= BAD_MESSAGE) {
        failures = 0; // the server has spoken; codes below may be those of a proxy
      } else if (globalThis.navigator?.onLine !== false && (failures += code === DEAD ? ENOUGH : 1) >= ENOUGH) {
        streams = canStream && !proven;
      }
    },
    renewed() {
      proven = false;
      failures = streams ? ENOUGH - 1 : 0;
      streams = !canSocket;
      return canSocket;
    },
  };
}
