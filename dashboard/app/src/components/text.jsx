// Text, numbers and times as the viewer reads them.
import { t, tag } from "../words.js";

/** Strangers' text: a label, a message. Its direction is its own, and it is cut where it is too long for its place. */
export const Bdi = ({ children, whole }) => (
  <bdi class={whole ? "whole" : "cut"} title={whole ? undefined : String(children)}>
    {children}
  </bdi>
);

/** A number; compact: 12.3K. Nothing known: a dash. */
export const Num = ({ value, compact, digits = 0 }) => <span class="number">{number(value, { compact, digits })}</span>;

export function number(value, { compact, digits = 0 } = {}) {
  if (value === undefined || value === null) return "–";
  const short = compact && Math.abs(value) >= 10_000;
  const format = short ? { notation: "compact", maximumFractionDigits: 1 } : { maximumFractionDigits: digits };
  return new Intl.NumberFormat(tag(), format).format(value);
}

const units = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** A length of time in its largest unit: 3 min. */
export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return new Intl.NumberFormat(tag(), { style: "unit", unit: "millisecond", maximumFractionDigits: 0 }).format(seconds * 1000);
  const [unit, size] = units.find(([, size]) => seconds >= size);
  return new Intl.NumberFormat(tag(), { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 }).format(Math.floor(seconds / size));
}

/** A time in the viewer's zone: only the hour where it is today. With ago, how long it is ago. The whole time is its title. */
export function Time({ at, ago, milliseconds }) {
  if (!at) return <span>–</span>;
  const date = new Date(at);
  const whole = new Intl.DateTimeFormat(tag(), { dateStyle: "medium", timeStyle: "long" }).format(date);
  const text = ago ? t("shell.ago", { time: duration(Date.now() - date) }) : clock(date, milliseconds);
  return (
    <time dateTime={date.toISOString()} title={whole}>
      {text}
    </time>
  );
}

/** The text of Time. */
export function clock(date, milliseconds) {
  const today = date.toDateString() === new Date().toDateString();
  const day = today ? {} : { year: "numeric", month: "short", day: "numeric" };
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit", ...(milliseconds && { fractionalSecondDigits: 3 }) };
  return new Intl.DateTimeFormat(tag(), { ...day, ...time, hourCycle: "h23" }).format(date);
}

/** A list in a sentence: a, b and c. */
export const list = (texts) => new Intl.ListFormat(tag(), { type: "conjunction" }).format(texts);
