// Which of a feed's events are shown: more come than anybody can read, or than a tab can show, where hundreds of pages join and leave in a second.

export const MOST = 500; // events that are kept, shown or waiting
export const LASTING = 40; // events a second that are shown, if more come for long; MOST may come at once

/** The events of a feed on their way to the screen. now is always in ms, as performance.now() has it. */
export class FeedQueue {
  #waiting = []; // as they came: those that are not shown need not be parsed
  #allowed = MOST;
  #at;
  flooded = false; // the last time that events were to be shown, there were too many
  leftOut = 0; // events that were not shown, and will not be

  /** Takes the text of an event. */
  take(text) {
    this.#waiting.push(text);
    if (this.#waiting.length <= MOST) return;
    this.#waiting.shift();
    this.leftOut++;
  }

  get waiting() {
    return this.#waiting.length;
  }

  /** The events that are to be shown now, the newest first. Those that waited and are too many are left out: the oldest ones. */
  next(now) {
    this.#allowed = Math.min(MOST, this.#allowed + ((now - (this.#at ?? now)) / 1000) * LASTING);
    this.#at = now;
    const shown = this.#waiting.slice(-Math.floor(this.#allowed) || Infinity).reverse();
    this.flooded = shown.length < this.#waiting.length;
    this.leftOut += this.#waiting.length - shown.length;
    this.#allowed -= shown.length;
    this.#waiting = [];
    return shown.map((text) => JSON.parse(text));
  }
}
