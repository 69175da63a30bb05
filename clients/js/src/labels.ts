import type { Labels } from "./types.ts";

/** A change of labels: for each key its new values, none of which takes it away. */
export type Change = [key: string, values: string[]][];

const KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** The parameters of a connection that are no labels. */
export const RESERVED = ["token", "since", "page_id"];

export const isLabelKey = (key: string): boolean => KEY.test(key) && !RESERVED.includes(key);

/** The change that a page asks for; what cannot be one throws here, before the server would hang up on it. */
export function changeOf(labels: Labels): Change {
  return Object.entries(labels).map(([key, given]) => {
    if (!isLabelKey(key)) throw new TypeError(`scenecast: "${key}" cannot be a label's key`);
    const values = given === null ? [] : ([] as string[]).concat(given);
    if (values.every((value) => typeof value === "string")) return [key, values];
    throw new TypeError(`scenecast: label "${key}" must be a string, strings or null`);
  });
}

/** The change that makes labels into other ones. */
export function changeBetween(from: Map<string, string[]>, to: Map<string, string[]>): Change {
  const differ = (a: string[] = [], b: string[] = []) => JSON.stringify(a) !== JSON.stringify(b);
  const keys = new Set([...from.keys(), ...to.keys()]);
  return Array.from(keys).filter((key) => differ(from.get(key), to.get(key))).map((key) => [key, to.get(key) || []]);
}
