// Completes an audience's text (docs/audiences.md) with the keys and values that pages have.

const OPERATORS = ["==", "!=", "in", ".startsWith("];
const LIMIT = 100; // keys, and values of one, that are looked through: those that the most pages have

/**
 * What stands before the caret: {kind: "key", from, to} where a key can stand or is being written, {kind: "value", key, from, to} where a
 * value of a key can, and nothing elsewhere. text.slice(from, to) is what a completion replaces.
 */
export function place(text, caret) {
  const token = /\s+|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|@?[A-Za-z_][\w-]*|\.startsWith\(|[=!]=|&&|\|\||[!()[\],]|[\s\S]/gy;
  let key, state = "key"; // what can stand next: key, operator, value, or join: && and the like
  let open = false; // a list of values
  for (const match of text.matchAll(token)) {
    const [part] = match, from = match.index, end = from + part.length;
    const quoted = part[0] === '"' || part[0] === "'";
    const closed = quoted && part.length > 1 && part.at(-1) === part[0];
    const within = caret <= end && (caret > from || from === caret) && !(closed && caret === end);
    if (/^\s/.test(part)) continue;
    if (from >= caret && !(from === caret && (quoted || /^[@A-Za-z_]/.test(part)))) break;
    if (within && quoted && state === "value") return { kind: "value", key, from, to: end };
    if (within && state === "key" && /^[@A-Za-z_]/.test(part)) return { kind: "key", from, to: end };
    if (from >= caret) break;
    if (part === "has" && state === "key" && text[end] === "(") state = "key";
    else if (quoted) state = open ? "list" : "join";
    else if (part === "[") open = true;
    else if (part === "]" || part === "*") [open, state] = [false, "join"];
    else if (part === "," && open) state = "value";
    else if (part === "&&" || part === "||" || part === "!" || part === "(") state = "key";
    else if (OPERATORS.includes(part)) state = "value";
    else if (/^[@A-Za-z_]/.test(part) && state === "key") [key, state] = [part, "operator"];
  }
  if (state === "key") return { kind: "key", from: caret, to: caret };
  if (state === "value") return { kind: "value", key, from: caret, to: caret };
  return null;
}

/**
 * Makes the function that completes for a Combobox. get(path) calls the API. What has been asked is kept for a while.
 */
export function completer({ get, keep = 10_000, now = Date.now }) {
  const kept = new Map();
  const once = (name, ask) => {
    const known = kept.get(name);
    if (known && now() - known.at < keep) return known.answer;
    const answer = ask();
    kept.set(name, { at: now(), answer });
    answer.catch(() => kept.delete(name));
    return answer;
  };
  const keys = () => once("keys", async () => (await get(`v1/labels?limit=${LIMIT}`)).keys);
  const values = (key) => once(`values ${key}`, async () => (await get(`v1/labels?key=${encodeURIComponent(key)}&limit=${LIMIT}`)).values);

  return async (text, caret) => {
    const at = place(text, caret);
    if (!at) return { options: [] };
    const typed = text.slice(at.from, caret).replace(/^["']/, "").toLowerCase();
    const fits = (word) => word.toLowerCase().startsWith(typed) && word !== text.slice(at.from, at.to);
    if (at.kind === "key") {
      const offered = (await keys()).filter(({ key }) => fits(key)).slice(0, 20);
      return { ...at, options: offered.map(({ key, connections }) => ({ text: key, note: String(connections) })) };
    }
    const offered = (await values(at.key)).filter(({ value }) => fits(value)).slice(0, 20);
    return { ...at, options: offered.map(({ value, connections }) => ({ text: JSON.stringify(value), note: String(connections) })) };
  };
}
