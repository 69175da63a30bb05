// The calls of the playground's backend, which are answered in JSON, and texts that are filled in.

/** What the backend has said against a call. */
export class Refusal extends Error {}

/** Makes a call: a POST where there is a body. Throws a Refusal, or another error where there is no answer. */
export async function call(path, body) {
  const response = await fetch(path, body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await response.json();
  if (!response.ok) throw new Refusal(said.where ? `${said.where}: ${said.detail}` : said.detail);
  return said;
}

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** One of three texts that tell a number of pages: textXNone, textXSingle, textXMany. */
export function tell(texts, which, n) {
  const form = n === 0 ? "None" : n === 1 ? "Single" : "Many";
  return fill(texts[`text${which}${form}`], { n });
}
