// The dictionaries: the languages have the same words, and the screens name no others.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { words } from "../src/words.js";

const placeholders = (text) => [...new Set(text.match(/\{\w+\}/g))].sort();

test("the languages have the same words", () => {
  const [[first, own], ...others] = Object.entries(words);
  for (const [language, theirs] of others) {
    assert.deepEqual(Object.keys(theirs).sort(), Object.keys(own).sort(), `${language} and ${first}`);
    for (const [key, text] of Object.entries(own)) {
      assert.deepEqual(placeholders(theirs[key]), placeholders(text), `${key} in ${language} and ${first}`);
    }
  }
});

test("every file of words is listed, has the same languages, and no key twice", () => {
  const keys = readdirSync("src/words").flatMap((file) => {
    const text = readFileSync(`src/words/${file}`, "utf8");
    return [...text.matchAll(/^  "([\w.-]+)":/gm)].map(([, key]) => key);
  });
  for (const key of Object.keys(words.en)) assert.equal(keys.filter((each) => each === key).length, 2, `${key} once in each language`);
  assert.deepEqual([...new Set(keys)].sort(), Object.keys(words.en).sort());
});

test("no text is empty, and zh is not left in English", () => {
  for (const [language, all] of Object.entries(words)) {
    for (const [key, text] of Object.entries(all)) assert.notEqual(text.trim(), "", `${key} in ${language}`);
  }
  const same = Object.keys(words.en).filter((key) => words.zh[key] === words.en[key] && /[a-z]{3}/i.test(words.en[key].replace(/\{\w+\}/g, "")));
  assert.deepEqual(same, []);
});

test("the keys that the sources name are there, and what is there is named", () => {
  const files = readdirSync("src", { recursive: true }).filter((file) => /\.jsx?$/.test(file) && !file.includes("words"));
  const text = files.map((file) => readFileSync(`src/${file}`, "utf8")).join("\n");
  for (const [, key] of text.matchAll(/\bt\(\s*"([^"]+)"/g)) assert.ok(words.en[key], `there are no words for ${key}`);
  for (const key of Object.keys(words.en)) {
    const named = text.includes(`"${key}"`) || text.includes(`\`${key.replace(/[^.]*$/, "")}\${`) || key.startsWith("nav.");
    assert.ok(named, `nothing names ${key}`);
  }
});
