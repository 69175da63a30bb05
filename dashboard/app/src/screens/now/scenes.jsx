// The scene table: how many pages are in each scene, by the labels that one chooses.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call } from "../../api.js";
import { audienceOf } from "../../audience.js";
import { Chips, TextField } from "../../components/fields.jsx";
import { ErrorBox, Partial, Waiting } from "../../components/states.jsx";
import { Table } from "../../components/table.jsx";
import { Bdi, Num, number } from "../../components/text.jsx";
import { usePoll } from "../../poll.js";
import { go, href, route } from "../../route.js";
import { screens } from "../../screens.js";
import { can, self } from "../../session.js";
import { t } from "../../words.js";
import { NoPages } from "./nopages.jsx";

const EVERY = 3000; // ms
const MOST = 3; // keys, as the server takes
const KEYS = 30; // to choose from: those that the most pages have
const LIMIT = 200; // scenes in the table
const PAUSE = 300; // ms after typing

/** What is grouped by and filtered is in the address, so that it can be sent to somebody. */
const chosen = () => route.value.params.get("by")?.split(",").filter(Boolean) ?? null;
const filter = () => route.value.params.get("to") ?? "";
const show = (by, to) => go("now", { by: by.join(","), to }, { replace: true });

export function Scenes({ answer }) {
  const keys = useKeys();
  const by = chosen() ?? defaultOf(keys);
  const query = new URLSearchParams({ by: by.join(","), limit: LIMIT, ...(filter() && { to: filter() }) });
  const poll = usePoll(by.length ? `v1/scenes?${query}` : null, EVERY);
  useEffect(() => {
    answer.value = poll.value;
  }, [poll.value]);
  const options = [...new Set([...by, ...keys.value])].sort((a, b) => a.startsWith("@") - b.startsWith("@") || (a < b ? -1 : 1)); // the server's own last
  if (!by.length && keys.ready) return <NoPages />;
  const { value, problem } = poll;
  return (
    <section aria-labelledby="scenes">
      <h2 id="scenes">{t("now.scenes")}</h2>
      <div class="tools">
        <div>
          <span class="by" aria-hidden="true">{t("now.by")}</span>
          <Chips label={t("now.by")} options={options} value={by} most={MOST} onChange={(next) => next.length && show(next, filter())} />
        </div>
        <Filter by={by} />
      </div>
      <ErrorBox problem={problem} />
      <Partial answer={value} />
      {value ? <Found by={by} scenes={value} /> : !problem && <Waiting />}
    </section>
  );
}

/** The keys of labels that there are: of scenes with presence, and those that the most pages have. */
function useKeys() {
  const state = useSignal({ ready: false, value: self.value.presence ?? [] });
  useEffect(() => {
    call("GET", `v1/labels?limit=${KEYS}`)
      .then(({ keys }) => keys.map(({ key }) => key), () => [])
      .then((found) => (state.value = { ready: true, value: [...new Set([...state.value.value, ...found.filter((key) => key !== "@id")])] }));
  }, []);
  return state.value;
}

const defaultOf = ({ value }) => (value.includes("page") ? ["page"] : value.slice(0, 1));

function Filter({ by }) {
  const text = useSignal(filter());
  useEffect(() => {
    const timer = setTimeout(() => text.value.trim() !== filter() && show(by, text.value.trim()), PAUSE);
    return () => clearTimeout(timer);
  }, [text.value]);
  return <TextField label={t("now.filter")} placeholder='plan == "pro"' spellcheck={false} value={text.value} onInput={(next) => (text.value = next)} />;
}

function Found({ by, scenes: { scenes, rest, matched } }) {
  const columns = by.map((key, i) => ({
    key: `label ${key}`,
    title: key,
    head: i === 0,
    cell: ({ labels }) => <Value value={labels[key]} />,
    sort: ({ labels }) => textOf(labels[key]),
  }));
  columns.push(
    { key: "matched", title: t("now.count"), number: true, cell: Count, sort: (scene) => scene.matched },
    { key: "rate", title: t("now.rate"), number: true, cell: (scene) => <Num value={scene.pushes_per_minute} digits={1} />, sort: (scene) => scene.pushes_per_minute ?? -1 },
    { key: "links", title: t("now.open"), cell: ({ labels }) => <Links to={audienceOf(Object.fromEntries(by.map((key) => [key, first(labels[key])])))} /> },
  );
  return (
    <>
      <Table
        caption={t("now.scenesOf", { keys: by.join(", ") })}
        hidden
        columns={columns}
        rows={scenes}
        id={({ labels }) => JSON.stringify(by.map((key) => labels[key] ?? null))}
        empty={filter() ? t("now.noneMatch") : t("shell.none")}
      />
      <p class="quiet summary">
        {t("now.total", { n: matched })}
        {rest.scenes > 0 && <> {t(rest.estimated ? "now.restAbout" : "now.rest", { n: rest.scenes, pages: rest.matched })}</>}
      </p>
    </>
  );
}

const first = (value) => (Array.isArray(value) ? value[0] : value);
const textOf = (value) => (Array.isArray(value) ? value.join(", ") : value);

const Value = ({ value }) => (value === undefined ? <span class="quiet">{t("now.without")}</span> : <Bdi>{textOf(value)}</Bdi>);

const Count = ({ matched, at_most }) => (
  <span title={at_most ? t("now.atMost", { n: at_most }) : undefined}>{at_most ? `≥ ${number(matched)}` : number(matched)}</span>
);

const has = (screen) => screens.some(({ name }) => name === screen);

/** The same audience on other screens. */
const Links = ({ to }) => (
  <span class="links">
    {has("pages") && <a href={href("pages", { to })} aria-label={t("now.pagesOf", { to })}>{t("now.toPages")}</a>}
    {can("push") && has("push") && <a href={href("push", { to })} aria-label={t("now.pushTo", { to })}>{t("now.toPush")}</a>}
  </span>
);
