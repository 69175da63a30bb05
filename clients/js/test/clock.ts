// A clock that stands still until a test moves it. Installed by being imported.
interface Timer { at: number; delay: number; run: () => void }

let now = 0, last = 0;
const timers = new Map<number, Timer>();

Object.assign(globalThis, {
  setTimeout: (run: (...args: unknown[]) => void, delay = 0, ...args: unknown[]) => {
    timers.set(++last, { at: now + delay, delay, run: () => run(...args) });
    return last;
  },
  clearTimeout: (id: number) => void timers.delete(id),
});
Object.defineProperty(performance, "now", { value: () => now }); // read only in Node 18

/** Lets time pass, and what is due happen in its order. */
export async function pass(ms: number): Promise<void> {
  const end = now + ms;
  for (;;) {
    const due = Array.from(timers).filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
    if (!due) break;
    const [id, { at, run }] = due;
    timers.delete(id);
    now = at;
    run();
    await settle();
  }
  now = end;
  await settle();
}

/** The delays of the timers that run. */
export const delays = (): number[] => Array.from(timers.values(), ({ delay }) => delay).sort((a, b) => a - b);

/** Lets all promises go as far as they can without time. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
