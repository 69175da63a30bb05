// One page: what it is, why an audience matches it or does not, and what can be done to it.
import { useSignal } from "@preact/signals";
import { useAction } from "../../action.js";
import { announce } from "../../announce.js";
import { call } from "../../api.js";
import { Confirm, Drawer } from "../../components/dialog.jsx";
import { ErrorBox, Polled } from "../../components/states.jsx";
import { Table } from "../../components/table.jsx";
import { Bdi, Num, Time } from "../../components/text.jsx";
import { valuesOf } from "../../components/labels.jsx";
import { Locked } from "../../components/locked.jsx";
import { compose } from "../../draft.js";
import { useNodeNames } from "../../nodes.js";
import { usePoll } from "../../poll.js";
import { href } from "../../route.js";
import { can } from "../../session.js";
import { t } from "../../words.js";
import { Explain } from "./explain.jsx";
import { Relabel } from "./relabel.jsx";

const EVERY = 3000; // ms

/** The audience that is one connection. */
export const only = (id) => `@id == ${JSON.stringify(id)}`;

export function PageDrawer({ id, onClose }) {
  const poll = usePoll(`v1/connections/${encodeURIComponent(id)}`, EVERY);
  return (
    <Drawer title={t("page.title", { id })} onClose={onClose}>
      {poll.problem?.status === 404
        ? <ErrorBox problem={poll.problem}><p>{t("page.gone")}</p></ErrorBox>
        : (
          <Polled poll={poll}>
            {(page) => (
              <>
                <Actions page={page} onClose={onClose} />
                <Facts page={page} />
                <LabelTable page={page} />
                {can("manage") && <Relabel id={id} refresh={poll.refresh} />}
                <Explain id={id} />
                <Endings endings={page.endings} />
              </>
            )}
          </Polled>
        )}
    </Drawer>
  );
}

function Actions({ page, onClose }) {
  const { id } = page;
  const confirming = useSignal(false);
  const disconnect = useAction(async () => {
    await call("POST", "v1/disconnect", { to: only(id) });
    announce(t("page.disconnected"));
    onClose();
  });
  return (
    <div class="buttons">
      {can("push") && <button type="button" onClick={() => compose({ to: only(id) })}>{t("page.test")}</button>}
      <a class="button" href={href("history", { connection: id })}>{t("page.history")}</a>
      {can("manage") && <button type="button" onClick={() => (confirming.value = true)}>{t("page.disconnect")}</button>}
      {confirming.value && (
        <Confirm title={t("page.disconnectTitle")} yes={t("page.disconnect")} danger action={disconnect} onClose={() => (confirming.value = false)} problem={<ErrorBox problem={disconnect.problem} />}>
          <p>{t("page.disconnectWhat", { id: <code>{id}</code> })}</p>
        </Confirm>
      )}
    </div>
  );
}

function Facts({ page: { node, since, wire, remote, outbox, catching_up, page_id, labels } }) {
  const nameOf = useNodeNames([node]);
  const facts = [
    [t("page.user"), labels["@user"] && <Bdi>{labels["@user"]}</Bdi>],
    [t("page.node"), <Bdi whole>{nameOf(node)}</Bdi>],
    [t("page.since"), since && <Time at={since} />],
    [t("page.wire"), wire ?? labels["@protocol"]],
    [t("page.remote"), remote],
    [t("page.pageID"), page_id && <code class="whole">{page_id}</code>],
    [t("page.outbox"), outbox && t("page.outboxIs", { bytes: outbox.bytes, frames: outbox.frames })],
    [t("page.state"), catching_up && t("page.catchingUp")],
  ].filter(([, value]) => value);
  return <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

/** Each label, and who says so: what is trusted the page itself cannot change. */
function LabelTable({ page: { labels, sources = {} } }) {
  return (
    <Table
      caption={t("page.labels")}
      rows={Object.entries(labels).map(([key, values]) => ({ key, values, source: sources[key] }))}
      id={({ key }) => key}
      columns={[
        { key: "key", title: t("page.key"), head: true, cell: ({ key }) => <Bdi>{key}</Bdi> },
        { key: "values", title: t("page.value"), cell: ({ values }) => <bdi class="whole">{valuesOf(values)}</bdi> },
        { key: "source", title: t("page.source"), cell: ({ source }) => source && <Source source={source} /> },
      ]}
    />
  );
}

const Source = ({ source }) => (source === "page" ? t("page.source.page") : <Locked why={t("page.locked")}>{t(`page.source.${source}`)}</Locked>);

function Endings({ endings }) {
  if (!endings?.length) return null;
  return (
    <Table
      caption={t("page.endings")}
      rows={endings}
      id={({ at }) => at}
      columns={[
        { key: "at", title: t("shell.time"), head: true, cell: ({ at }) => <Time at={at} /> },
        { key: "cause", title: t("page.cause") },
        { key: "code", title: t("page.code"), number: true, cell: ({ code }) => code && <Num value={code} /> },
      ]}
    />
  );
}
