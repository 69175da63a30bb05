import { GOING_AWAY, TOO_MANY } from "./codes.ts";

const FIRST_WITHIN = 1000;
const WITHIN_AT_MOST = 30000;
const SPREAD = 10000; // a server that goes away sends all its pages off at once: they must not return at once

/** How long to wait for the next attempt, in ms: anything from 0 on ("full jitter"), because pages are lost together. */
export function backoff(failures: number, code: number): number {
  let within = Math.min(WITHIN_AT_MOST, FIRST_WITHIN * 2 ** failures);
  if (code === GOING_AWAY || code === TOO_MANY) within = Math.max(within, SPREAD);
  return Math.random() * within;
}
