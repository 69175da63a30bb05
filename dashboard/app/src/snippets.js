// A push as code to copy: curl, PHP, JavaScript and Go. Each is what the docs show, and sends the same body.

/** The server's address, which the clients of PHP and Go take. */
const base = (url) => url.replace(/\/v1\/push$/, "");

const indent = (text, by) => text.replaceAll("\n", `\n${by}`);
const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const php = (text) => `'${text.replace(/[\\']/g, "\\$&")}'`;
const go = (text) => (/[`\r\uFEFF\0]/.test(text) ? JSON.stringify(text).replace(/\u007f/g, "\\u007f") : `\`${text}\``);

/** The same push in each language: [{name, code}]. url is that of POST v1/push, body its body. */
export const snippets = (url, body) => [
  { name: "curl", code: curl(url, body) },
  { name: "PHP", code: inPHP(url, body) },
  { name: "JavaScript", code: inJavaScript(url, body) },
  { name: "Go", code: inGo(url, body) },
];

const curl = (url, body) => `curl ${shell(url)} \\
  -H 'Authorization: Bearer API_KEY' \\
  -H 'Content-Type: application/json' \\
  -d ${shell(JSON.stringify(body))}`;

function inPHP(url, { to, except, message, event, ttl, retain, coalesce, receipt }) {
  const calls = [`to(${php(to)})`];
  if (except) calls.push(`except(${php(except)})`);
  if (event) calls.push(`event(${php(event)})`);
  if (ttl) calls.push(`ttl(${php(ttl)})`);
  if (coalesce) calls.push(`coalesce(${php(coalesce)})`);
  if (retain) calls.push(`retain(${php(retain)})`);
  if (receipt) calls.push(`${receipt}()`);
  calls.push(`push(${literal(message)})`);
  return `use Scenecast\\Scenecast;

$scenecast = new Scenecast(${php(base(url))}, 'API_KEY');
$scenecast->${calls.join("\n    ->")};`;
}

/** JSON as a literal of PHP. An object is an array with keys, but an empty one, which would be a list. */
function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "string") return php(value);
  if (value === null || typeof value !== "object") return String(value);
  const entries = Object.entries(value);
  if (!entries.length) return "new \\stdClass()";
  const list = entries.every(([key], i) => key === String(i)); // which PHP would write as a list
  return `${list ? "(object) " : ""}[${entries.map(([key, each]) => `${php(key)} => ${literal(each)}`).join(", ")}]`;
}

const inJavaScript = (url, body) => `const response = await fetch(${JSON.stringify(url)}, {
  method: "POST",
  headers: { Authorization: "Bearer API_KEY", "Content-Type": "application/json" },
  body: JSON.stringify(${indent(JSON.stringify(body, null, 2), "  ")}),
});
console.log(await response.json());`;

function inGo(url, { to, except, message, event, ttl, retain, coalesce, receipt }) {
  const fields = [`To: ${go(to)},`];
  if (except) fields.push(`Except: ${go(except)},`);
  if (message !== undefined) fields.push(`Message: json.RawMessage(${go(JSON.stringify(message))}),`);
  if (event) fields.push(`Event: ${go(event)},`);
  if (ttl) fields.push(`TTL: ${goDuration(ttl)},`);
  if (coalesce) fields.push(`Coalesce: ${go(coalesce)},`);
  if (retain) fields.push(`Retain: ${go(retain)},`);
  if (receipt) fields.push(`Receipt: ${go(receipt)},`);
  const names = fields.map((field) => field.indexOf(":") + 1), most = Math.max(...names);
  const aligned = fields.map((field, i) => field.slice(0, names[i]) + " ".repeat(most - names[i]) + field.slice(names[i]));
  return `backend := client.Backend{URL: ${go(base(url))}, Key: "API_KEY"}
result, err := backend.Push(ctx, client.PushRequest{
\t${aligned.join("\n\t")}
})`;
}

/** A length of time, as 1h30m, as an expression of Go; what is none, which the server refuses, stays as it is. */
function goDuration(text) {
  const units = [["h", "Hour", 3_600_000], ["m", "Minute", 60_000], ["s", "Second", 1000], ["ms", "Millisecond", 1]];
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.map(([part]) => part).join("") !== text) return go(text);
  const all = parts.reduce((sum, [, amount, unit]) => sum + amount * units.find(([name]) => name === unit)[2], 0);
  const [, name, size] = units.find(([, , size]) => all % size === 0) ?? units[3];
  return `${Math.round(all / size)} * time.${name}`;
}
