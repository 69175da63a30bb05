// The words of the dashboard in its languages. Each screen has its own in words/SCREEN.js, which is listed here.
import { effect, signal } from "@preact/signals";
import { load, store } from "./stored.js";
import * as shell from "./words/shell.js";
import * as now from "./words/now.js";
import * as push from "./words/push.js";
import * as tally from "./words/tally.js";
import * as pages from "./words/pages.js";
import * as page from "./words/page.js";
import * as history from "./words/history.js";
import * as presence from "./words/presence.js";
import * as feed from "./words/feed.js";
import * as hooks from "./words/hooks.js";
import * as settings from "./words/settings.js";

const all = [shell, now, push, tally, pages, page, history, presence, feed, hooks, settings];

export const languages = { en: "English", zh: "中文" };
export const words = Object.fromEntries(Object.keys(languages).map((language) => [language, Object.assign({}, ...all.map((each) => each[language]))]));

const stored = load("language");

/** "en" or "zh": as chosen, otherwise the first one that the browser prefers. */
export const language = signal(words[stored] ? stored : ((globalThis.navigator?.languages ?? []).map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => words[tag]) ?? "en"));

/** The language's tag for lang attributes and Intl. */
export const tag = () => (language.value === "zh" ? "zh-CN" : "en");

effect(() => {
  if (globalThis.document) document.documentElement.lang = tag(); // tests have none
});

export function choose(chosen) {
  language.value = chosen;
  store("language", chosen);
}

/**
 * The words of a key: t("now.scenes", {n: 3}). {name} stands for a value: numbers are written as the language does, and where the words are
 * "one|other" they are chosen by n. With an element among the values the result is a list of children rather than a text.
 */
export function t(key, values = {}) {
  let text = words[language.value][key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  const forms = text.split("|");
  if (forms.length > 1) text = forms[values.n === 1 ? 0 : 1];
  const parts = text.split(/\{(\w+)\}/).map((part, i) => (i % 2 ? show(values[part]) : part));
  return parts.every((part) => typeof part === "string") ? parts.join("") : parts;
}

const show = (value) => (typeof value === "number" ? new Intl.NumberFormat(tag()).format(value) : value);
