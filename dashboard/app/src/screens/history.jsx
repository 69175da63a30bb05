// History: the pushes that are kept, newest first, with what has become of each; of all, or those that a page would have got.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useAction } from "../action.js";
import { serverAddress } from "../address.js";
import { call } from "../api.js";
import { Snippet } from "../components/copy.jsx";
import { Drawer } from "../components/dialog.jsx";
import { TextField } from "../components/fields.jsx";
import { Empty, ErrorBox, Partial, Waiting } from "../components/states.jsx";
import { Table } from "../components/table.jsx";
import { TallyBar } from "../components/tally.jsx";
import { Time } from "../components/text.jsx";
import { compose } from "../draft.js";
import { go, href, route } from "../route.js";
import { can } from "../session.js";
import { t } from "../words.js";

const LIMIT = 50; // pushes that are loaded at once

export function History() {
  const { params } = route.value, connection = params.get("connection") ?? "";
  const found = useSignal({}), chosen = useSignal(null);
  const load = useAction(async (before) => {
    const query = new URLSearchParams({ order: "desc", limit: String(LIMIT), ...(connection && { connection }), ...(before && { before }) });
    const answer = await call("GET", `v1/pushes?${query}`);
    const earlier = before && found.peek().connection === connection ? found.peek().pushes : [];
    found.value = { ...answer, connection, pushes: [...earlier, ...answer.pushes] };
  });
  useEffect(() => void load.run(), [connection]);
  const current = found.value.connection === connection ? found.value : null;
  return (
    <>
      <p class="lead">{t("history.lead")}</p>
      <Find connection={connection} again={load.run} />
      <ErrorBox problem={load.problem} />
      {current ? <Pushes found={current} load={load} choose={(push) => (chosen.value = push)} /> : !load.problem && <Waiting />}
      {chosen.value && <PushDrawer push={chosen.value} onClose={() => (chosen.value = null)} />}
    </>
  );
}

function Find({ connection, again }) {
  const text = useSignal(connection);
  useEffect(() => void (text.value = connection), [connection]);
  return (
    <form
      class="find"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.value.trim() === connection) void again();
        else go("history", { connection: text.value.trim() });
      }}
    >
      <TextField label={t("history.connection")} hint={t("history.connectionHint")} value={text.value} onInput={(typed) => (text.value = typed)} />
      <button type="submit">{t("history.show")}</button>
    </form>
  );
}

function Pushes({ found: { pushes, next, more, connection }, load, choose }) {
  return (
    <>
      {pushes.length
        ? (
          <Table
            caption={t("history.caption")}
            hidden
            rows={pushes}
            id={({ id }) => id}
            columns={[
              { key: "at", title: t("shell.time"), head: true, cell: (push) => <button type="button" class="link" aria-haspopup="dialog" onClick={() => choose(push)}><Time at={push.at} milliseconds /></button> },
              { key: "tally", title: t("history.tally"), cell: ({ tally }) => tally && <TallyBar tally={tally} /> },
              { key: "to", title: t("push.to"), cell: ({ to }) => <bdi class="cut"><code>{to}</code></bdi> },
              { key: "event", title: t("history.event"), cell: ({ event, message }) => <bdi class="cut">{event ?? JSON.stringify(message)}</bdi> },
            ]}
          />
        )
        : connection && !more
          ? <Empty title={t("history.nothing")}><p>{t("history.nothingWhy")}</p></Empty>
          : !more && <NoPushes />}
      {more && <button type="button" disabled={load.busy} onClick={() => load.run(next)}>{load.busy ? t("shell.busy") : t("history.more")}</button>}
    </>
  );
}

function PushDrawer({ push, onClose }) {
  const { id, at, to, message, event, ttl, coalesce, retain, receipt, tally } = push;
  const facts = [
    [t("pages.id"), <code class="whole">{id}</code>],
    [t("shell.time"), <Time at={at} milliseconds />],
    [t("push.to"), <bdi class="whole"><code>{to}</code></bdi>],
    ["event", event && <bdi class="whole">{event}</bdi>],
    ["ttl", ttl],
    ["coalesce", coalesce && <bdi class="whole">{coalesce}</bdi>],
    ["retain", retain && <bdi class="whole">{retain}</bdi>],
    [t("push.receipt"), receipt && t(`push.receipt.${receipt}`)],
  ].filter(([, value]) => value);
  return (
    <Drawer title={t("history.push")} onClose={onClose}>
      <div class="buttons">
        {can("push") && (
          <button type="button" onClick={() => compose({ to, message: JSON.stringify(message, null, 2), event: event ?? "", ttl: ttl ?? "", coalesce: coalesce ?? "", retain: retain ?? "", receipt })}>
            {t("history.resend")}
          </button>
        )}
        <a class="button" href={href("pages", { to })}>{t("history.pages")}</a>
      </div>
      <Partial answer={tally} />
      {tally && <TallyBar tally={tally} />}
      <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      <h3>{t("push.message")}</h3>
      <pre class="message"><bdi>{JSON.stringify(message, null, 2)}</bdi></pre>
    </Drawer>
  );
}

const NoPushes = () => (
  <Empty title={t("history.none")}>
    <p>{t("history.noneWhy")}</p>
    <Snippet label="curl">{`curl ${serverAddress("v1/push")} -H 'Authorization: Bearer API_KEY' -d '{"to": "*", "message": {"code": 200, "message": "hello"}}'`}</Snippet>
  </Empty>
);
