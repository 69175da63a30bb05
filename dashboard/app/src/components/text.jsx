// Text, numbers and times as the viewer reads them.
import { t, tag } from "../words.js";

/** Strangers' text: a label, a message. Its direction is its own, and it is cut where it is too long for its place. */
export const Bdi = ({ children, whole }) => (
  <bdi class={whole ? "whole" : "cut"} title={whole ? undefined : String(children)}>
    {children}
  </bdi>
);

const formats = new Map(); // by what they are made of: making one takes longer than rendering a row

/** The formatter of this kind of Intl in the viewer's language. */
export function format(Kind, options = {}) {
  const key = `${Kind.name} ${tag()} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new Kind(tag(), options));
  return formats.get(key);
}

/** A number; compact: 12.3K. Nothing known: a dash. */
export const Num = ({ value, compact, digits = 0 }) => <span class="number">{number(value, { compact, digits })}</span>;

export function number(value, { compact, digits = 0 } = {}) {
  if (value === undefined || value === null) return "–";
  const short = compact && Math.abs(value) >= 10_000;
  return format(Intl.NumberFormat, short ? { notation: "compact", maximumFractionDigits: 1 } : { maximumFractionDigits: digits }).format(value);
}

const units = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** A length of time in its largest unit: 3 min. */
export function duration(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return format(Intl.NumberFormat, { style: "unit", unit: "millisecond", maximumFractionDigits: 0 }).format(seconds * 1000);
  const [unit, size] = units.find(([, size]) => seconds >= size);
  return format(Intl.NumberFormat, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 }).format(Math.floor(seconds / size));
}

/** A time in the viewer's zone: only the hour where it is today. With ago, how long it is ago. The whole time is its title. */
export function Time({ at, ago, milliseconds }) {
  if (!at) return <span>–</span>;
  const date = new Date(at);
  const whole = format(Intl.DateTimeFormat, { dateStyle: "medium", timeStyle: "long" }).format(date);
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
  return format(Intl.DateTimeFormat, { ...day, ...time, hourCycle: "h23" }).format(date);
}

/** A list in a sentence: a, b and c. */
export const list = (texts) => format(Intl.ListFormat, { type: "conjunction" }).format(texts);
