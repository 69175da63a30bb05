// Light, dark, or as the system has it.
import { effect, signal } from "@preact/signals";
import { load, store } from "./stored.js";

export const themes = ["auto", "light", "dark"];

const stored = load("theme");
export const theme = signal(themes.includes(stored) ? stored : "auto");

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  store("theme", theme.value);
});
