// Pages: who is connected, found by an audience, a user, an ID or an address; and one of them in a drawer.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useAction } from "../action.js";
import { call } from "../api.js";
import { AudienceField } from "../components/audience.jsx";
import { Choice, TextField } from "../components/fields.jsx";
import { Labels, own } from "../components/labels.jsx";
import { Empty, ErrorBox, Partial, Waiting } from "../components/states.jsx";
import { Table } from "../components/table.jsx";
import { Bdi, Num } from "../components/text.jsx";
import { queryOf, ways } from "../find.js";
import { go, route } from "../route.js";
import { t } from "../words.js";
import { NoPages } from "./now/nopages.jsx";
import { PageDrawer } from "./page/drawer.jsx";

const LIMIT = 100; // pages that are loaded at once

export function Pages() {
  const { params } = route.value;
  const way = Object.keys(ways).find((name) => params.has(name)) ?? "to", value = params.get(way) ?? "";
  const query = queryOf(way, value, LIMIT);
  const found = useSignal({});
  const load = useAction(async (after) => {
    const answer = await call("GET", `v1/connections?${query}${after ? `&after=${encodeURIComponent(after)}` : ""}`);
    const before = after && found.peek().query === query ? found.peek().connections : [];
    found.value = { ...answer, query, connections: [...before, ...answer.connections] };
  });
  useEffect(() => void load.run(), [query]);
  const current = found.value.query === query ? found.value : null;
  return (
    <>
      <p class="lead">{t("pages.lead")}</p>
      <Find way={way} value={value} again={load.run} />
      <ErrorBox problem={load.problem} />
      {current ? <Found found={current} load={load} all={!value} /> : !load.problem && <Waiting />}
      {params.get("open") && <PageDrawer key={params.get("open")} id={params.get("open")} onClose={() => open(null)} />}
    </>
  );
}

/** Shows a page in the drawer; null closes it. */
function open(id) {
  const { open: _, ...rest } = Object.fromEntries(route.peek().params);
  go("pages", { ...rest, ...(id && { open: id }) }, { replace: true });
}

function Find({ way, value, again }) {
  const chosen = useSignal(way), text = useSignal(value);
  useEffect(() => {
    chosen.value = way;
    text.value = value;
  }, [way, value]);
  const FieldOf = chosen.value === "to" ? AudienceField : TextField;
  return (
    <form
      class="find"
      onSubmit={(event) => {
        event.preventDefault();
        if (chosen.value === way && text.value === value) again();
        else go("pages", { [chosen.value]: text.value.trim() });
      }}
    >
      <Choice
        label={t("pages.by")}
        value={chosen.value}
        options={Object.keys(ways).map((name) => ({ value: name, text: t(`pages.by.${name}`) }))}
        onChange={(name) => (chosen.value = name)}
      />
      <FieldOf label={t(`pages.by.${chosen.value}`)} value={text.value} onInput={(typed) => (text.value = typed)} />
      <button type="submit" class="primary">{t("pages.find")}</button>
    </form>
  );
}

function Found({ found, load, all }) {
  const { connections, matched, next } = found;
  if (!connections.length) return all ? <NoPages /> : <Empty title={t("pages.nothing")}><p>{t("pages.nothingWhy")}</p></Empty>;
  return (
    <>
      <Partial answer={found} />
      <p role="status">{t("pages.shown", { n: connections.length, matched: matched ?? connections.length })}</p>
      <Table
        caption={t("pages.caption")}
        hidden
        rows={connections}
        id={({ id }) => id}
        columns={[
          { key: "id", title: t("pages.id"), head: true, cell: ({ id }) => <button type="button" class="link" aria-haspopup="dialog" onClick={() => open(id)}>{id}</button> },
          { key: "user", title: t("pages.user"), cell: ({ labels }) => labels["@user"] && <Bdi>{labels["@user"]}</Bdi>, sort: ({ labels }) => labels["@user"] ?? "" },
          { key: "wire", title: t("pages.wire"), cell: ({ labels }) => labels["@protocol"], sort: ({ labels }) => labels["@protocol"] },
          { key: "labels", title: t("pages.labels"), cell: ({ labels }) => <Labels labels={{ ...own(labels), "@user": undefined }} /> },
        ]}
      />
      {next && <button type="button" disabled={load.busy} onClick={() => load.run(next)}>{load.busy ? t("shell.busy") : t("pages.more", { n: LIMIT })}</button>}
    </>
  );
}
