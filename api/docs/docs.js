// Shows openapi.json: the calls with their parameters, bodies, answers and examples, then the schemas.

const methods = ["get", "post", "put", "patch", "delete"];
const $ = (id) => document.getElementById(id);
const words = $("calls").dataset;
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
// around is a text around elements that stand in the place of {form}.
const around = (text, elements) => text.split(/(\{form\})/).flatMap((part) => (part === "{form}" ? elements : part ? [part] : []));
let api;
let server; // its address: where the description is served from, so behind a proxy with the prefix that it strips

// element makes an element with attributes and children; texts are texts, never HTML.
function element(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children.flat(Infinity).filter((c) => c !== undefined));
  return e;
}

// prose is a text, of which what stands in backquotes is code.
const prose = (text = "") =>
  text.split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));

// resolve follows a $ref.
const resolve = (o) =>
  o.$ref ? o.$ref.slice(2).split("/").reduce((at, name) => at[name], api) : o;

// form says in a few words what a schema takes; a schema with a name is a link to it.
function form(schema) {
  const name = schema.$ref?.split("/").at(-1);
  if (name) return [element("a", { href: "#schema-" + name }, name)];
  const choice = schema.oneOf ?? schema.anyOf;
  if (choice) return choice.flatMap((s, i) => (i ? [` ${words.or} `, ...form(s)] : form(s)));
  if ("const" in schema) return [JSON.stringify(schema.const)];
  if (schema.type === "array") return around(words.arrayOf, form(schema.items));
  const parts = [[schema.type ?? words.anyJson].flat().join(` ${words.or} `)];
  if (typeof schema.additionalProperties === "object") parts.push(...around(words.mapOf, form(schema.additionalProperties)));
  if (schema.enum) parts.push(words.colon + schema.enum.join(words.listed));
  return parts;
}

// limits are what else a schema says of a value.
function limits(schema) {
  const { minimum, maximum, maxLength, maxItems } = schema;
  return [
    minimum !== undefined && fill(words.range, { least: minimum, most: maximum }),
    maxLength && fill(words.maxLength, { n: maxLength }),
    maxItems && fill(words.maxItems, { n: maxItems }),
    schema.default !== undefined && fill(words.default, { value: JSON.stringify(schema.default) }),
  ].filter(Boolean).join(words.comma);
}

// fields is a list of parameters or properties.
function fields(entries) {
  return element("dl", {}, entries.map(([name, schema, required, description, where]) => {
    const more = limits(schema);
    return [
      element("dt", {}, element("code", {}, name), " ",
        element("span", { class: "quiet" }, form(schema), where ? words.comma + words[where] : "", required ? words.comma + words.required : "", more ? words.semicolon + more : "")),
      element("dd", {}, prose(description ?? schema.description)),
    ];
  }));
}

const properties = (schema) => fields(Object.entries(schema.properties).map(([name, s]) => [name, s, schema.required?.includes(name)]));

const quote = (text) => "'" + text.replaceAll("'", `'\\''`) + "'";

// curl is the command line of a call with an example body.
function curl(path, operation, media, value) {
  const query = new URLSearchParams();
  for (const p of (operation.parameters ?? []).map(resolve).filter((p) => p.example !== undefined)) {
    if (p.in === "path") path = path.replace(`{${p.name}}`, encodeURIComponent(p.example));
    else if (typeof p.example === "object") for (const [k, v] of Object.entries(p.example)) query.append(k, v);
    else query.append(p.name, p.example);
  }
  const line = ["curl", quote(server + path + (query.size ? "?" + query : ""))];
  if ((operation.security ?? api.security).some((s) => s.apiKey)) line.push('-H "Authorization: Bearer $SCENECAST_API_KEY"');
  if (media === "application/x-www-form-urlencoded") {
    for (const [k, v] of Object.entries(value)) if (k !== "token") line.push("-d", quote(`${k}=${v}`));
  } else if (typeof value === "string") line.push("-H", quote("Content-Type: " + media), "--data-binary", quote(value.trimEnd()));
  else if (value !== undefined) line.push("-d", quote(JSON.stringify(value)));
  return line.join(" ");
}

// copyable is a command line with a button that copies it.
const copyable = (line) =>
  element("div", { class: "snippet" },
    element("pre", { tabindex: 0 }, line),
    element("button", { class: "copy", type: "button", "aria-label": words.copyLine, "data-copied": words.copied, "data-selected": words.selected }, words.copy));

// examples are those of a body or an answer, by media type.
const examples = (content = {}) =>
  Object.entries(content).flatMap(([media, { examples: named = {} }]) =>
    Object.values(named).map((e) => ({ media, summary: e.summary, value: e.value })));

function call(method, path, operation) {
  const id = operation.operationId, parameters = (operation.parameters ?? []).map(resolve);
  const bodies = operation.requestBody?.content ?? {};
  const tried = examples(bodies);
  return element("section", { id, "aria-labelledby": id + "-head" },
    element("h2", { id: id + "-head" }, element("a", { href: "#" + id }, element("span", { class: "method" }, method.toUpperCase()), " ", path)),
    element("p", {}, element("strong", {}, operation.summary), words.stop, prose(operation.description)),
    parameters.length ? [element("h3", {}, words.parameters), fields(parameters.map((p) => [p.name, p.schema, p.required, p.description, p.in]))] : [],
    Object.entries(bodies).map(([media, { schema }]) => [
      element("h3", {}, around(words.body, [element("code", {}, media)])), element("p", {}, form(schema), words.stop, prose(schema.description)),
      schema.properties ? properties(schema) : [],
    ]),
    !operation.responses[200] ? [] : element("h3", {}, words.try), // curl opens no WebSocket
    !operation.responses[200] ? [] : (tried.length ? tried : [{}]).flatMap((e) =>
      [element("p", {}, e.summary ?? ""), copyable(curl(path, operation, e.media, e.value))]),
    element("h3", {}, words.answers),
    Object.entries(operation.responses).map(([status, response]) => {
      const { description, content = {} } = { ...resolve(response), ...response }; // a reference may have a description of its own
      const what = Object.entries(content).flatMap(([media, { schema }], i) => [(i ? words.semicolon : "") + media + words.colon, ...form(schema)]);
      return element("details", status === "200" ? { open: "" } : {},
        element("summary", {}, element("code", {}, status), " ", prose(description)),
        element("p", { class: "quiet" }, what), examples(content).map((e) => element("pre", { tabindex: 0 }, JSON.stringify(e.value, null, 2))));
    }));
}

function schema(name, s) {
  return element("section", { id: "schema-" + name }, element("h3", {}, element("a", { href: "#schema-" + name }, name)),
    element("p", {}, prose(s.description), s.properties ? "" : [" ", element("span", { class: "quiet" }, form(s))]), s.properties ? properties(s) : []);
}

async function read(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.text();
}

try {
  const [description, translations] = await Promise.all([read("openapi.json"), words.texts ? read(words.texts) : "{}"]);
  const texts = JSON.parse(translations); // those of the description in the page's language, by the English ones
  api = JSON.parse(description, (key, value) => (key === "summary" || key === "description" ? texts[value] : undefined) ?? value);
  server = new URL(api.servers[0].url, document.baseURI).href.replace(/\/$/, "");
  $("about").append(...prose(api.info.description));
  for (const { name, description } of api.tags) {
    const links = element("ul", {});
    for (const [path, item] of Object.entries(api.paths)) {
      for (const method of methods.filter((m) => item[m]?.tags.includes(name))) {
        $("calls").append(call(method, path, item[method]));
        links.append(element("li", {}, element("a", { href: "#" + item[method].operationId }, `${method.toUpperCase()} ${path}`)));
      }
    }
    $("contents").append(element("p", {}, description), links);
  }
  $("calls").append(element("h2", { id: "schemas" }, words.schemas), ...Object.entries(api.components.schemas).map(([n, s]) => schema(n, s)));
  $("contents").append(element("p", {}, element("a", { href: "#schemas" }, words.schemas)));
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
} catch (err) {
  $("failed").textContent = fill(words.unreadable, { message: err.message });
  $("failed").hidden = false;
}
