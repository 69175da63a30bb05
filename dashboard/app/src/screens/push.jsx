// Push: an audience as text with its count while it is typed, a message, and what becomes of it.
import { useSignal } from "@preact/signals";
import { useAction } from "../action.js";
import { serverAddress } from "../address.js";
import { announce } from "../announce.js";
import { AudienceField } from "../components/audience.jsx";
import { Snippet } from "../components/copy.jsx";
import { Confirm } from "../components/dialog.jsx";
import { Choice, Chips, JSONField, TextField, parseJSON } from "../components/fields.jsx";
import { Labels, own } from "../components/labels.jsx";
import { ErrorBox, Note, Partial, Waiting } from "../components/states.jsx";
import { Table } from "../components/table.jsx";
import { TallyBar } from "../components/tally.jsx";
import { Bdi, Num } from "../components/text.jsx";
import { useCount } from "../count.js";
import { bodyOf, draft } from "../draft.js";
import { useNodeNames } from "../nodes.js";
import { send, sent } from "../send.js";
import { snippets } from "../snippets.js";
import { t } from "../words.js";

const RECEIPTS = ["queued", "written", "acked"];

export function Push() {
  const { to, except } = draft.value;
  const count = useCount(to, except);
  const confirming = useSignal(false);
  const action = useAction(async () => {
    await send(bodyOf(draft.value));
    confirming.value = false;
    announce(t("push.sent"));
  });
  const { problem } = parseJSON(draft.value.message);
  const ready = to.trim() && draft.value.message.trim() && !problem && !count.problem;
  return (
    <>
      <p class="lead">{t("push.lead")}</p>
      <div class="push">
        <form
          class="card"
          onSubmit={(event) => {
            event.preventDefault();
            if (!ready) return;
            action.clear();
            confirming.value = true;
          }}
        >
          <Fields />
          <button type="submit" class="primary" disabled={!ready}>{t("push.send")}</button>
        </form>
        <div>
          <Count count={count} to={to} />
          <Outcome />
        </div>
      </div>
      {ready && <Code />}
      {confirming.value && (
        <Confirm
          title={t("push.confirm")}
          yes={t("push.yes", { n: count.answer?.matched ?? 0 })}
          action={action}
          onClose={() => (confirming.value = false)}
          problem={<ErrorBox problem={action.problem}>{unsure(action.problem) && <p>{t("push.unsure")}</p>}</ErrorBox>}
        >
          <p>{inWords(count)}</p>
          <p><code class="whole"><bdi>{to}</bdi></code></p>
          {except.trim() && <p>{t("push.butNot", { except: <code class="whole"><bdi>{except}</bdi></code> })}</p>}
          {draft.value.ttl.trim() && <p>{t("push.later", { ttl: <code><bdi>{draft.value.ttl}</bdi></code> })}</p>}
          <pre class="message"><bdi>{draft.value.message}</bdi></pre>
        </Confirm>
      )}
    </>
  );
}

const unsure = (problem) => problem && (problem.status === 0 || problem.kind === "uncertain");

/** What the push is about to do, with the count in words. */
function inWords({ answer, current }) {
  if (!answer || !current) return t("push.counting");
  if (!answer.matched) return t("push.toNobody");
  const nodes = answer.by_node?.filter(({ matched }) => matched).length;
  return t(nodes > 1 ? "push.toPagesOnNodes" : "push.toPages", { n: answer.matched, nodes });
}

function Fields() {
  const { to, except, message, event, ttl, retain, coalesce, receipt } = draft.value;
  const set = (field) => (text) => (draft.value = { ...draft.peek(), [field]: text });
  return (
    <>
      <AudienceField label={t("push.to")} hint={t("push.toHint", { all: <code>*</code>, home: <code>page == "home"</code> })} value={to} onInput={set("to")} />
      <AudienceField label={t("push.except")} hint={t("push.exceptHint")} value={except} onInput={set("except")} />
      <JSONField label={t("push.message")} value={message} onInput={set("message")} />
      <details class="more" open={Boolean(event || ttl || retain || coalesce)}>
        <summary>{t("push.more")}</summary>
        <div class="pair">
          <TextField label="event" hint={t("push.eventHint")} maxLength={200} value={event} onInput={set("event")} />
          <TextField label="ttl" hint={t("push.ttlHint")} value={ttl} onInput={set("ttl")} />
          <TextField label="retain" hint={t("push.retainHint")} maxLength={128} value={retain} onInput={set("retain")} />
          <TextField label="coalesce" hint={t("push.coalesceHint")} maxLength={128} value={coalesce} onInput={set("coalesce")} />
        </div>
      </details>
      <p class="receipt">
        <Choice label={t("push.receipt")} value={receipt} options={RECEIPTS.map((value) => ({ value, text: t(`push.receipt.${value}`) }))} onChange={set("receipt")} />
      </p>
    </>
  );
}

/** Who would get it now. */
function Count({ count: { answer, problem, current }, to }) {
  const byNode = answer?.by_node?.length > 1 ? answer.by_node : []; // of a single node nobody asks
  const nameOf = useNodeNames(byNode.map(({ node }) => node));
  if (!to.trim()) return <Note><p>{t("push.noAudience")}</p></Note>;
  if (problem && current) return <ErrorBox problem={problem} />;
  if (!answer) return <Waiting>{t("push.counting")}</Waiting>;
  const { matched, sample } = answer;
  return (
    <section class={`card count ${current ? "" : "stale"}`} aria-busy={!current} aria-labelledby="push-count">
      <div role="status"><h2 id="push-count"><span class="count-figure"><Num value={matched} /></span> {t("push.wouldGet", { n: matched })}</h2></div>
      <Partial answer={answer} />
      {byNode.length > 0 && (
        <Table
          caption={t("push.byNode")}
          rows={byNode}
          id={({ node }) => node}
          columns={[
            { key: "node", title: t("push.node"), head: true, cell: ({ node }) => <Bdi whole>{nameOf(node)}</Bdi> },
            { key: "matched", title: t("push.pages"), number: true, cell: (row) => <Num value={row.matched} />, sort: (row) => row.matched },
          ]}
        />
      )}
      {sample?.length > 0 && (
        <>
          <h3>{t("push.sample", { n: sample.length })}</h3>
          <ul class="sample">{sample.map(({ id, labels }) => <li key={id}><Labels labels={own(labels)} /></li>)}</ul>
        </>
      )}
    </section>
  );
}

/** What has become of the push that was sent last. */
function Outcome() {
  if (!sent.value) return null;
  const { id, answer, done, body } = sent.value;
  return (
    <section class="card" aria-labelledby="push-outcome">
      <h2 id="push-outcome">{t(done ? "push.outcome" : "push.filling")}</h2>
      <p><bdi class="whole"><code>{body.to}</code></bdi></p>
      <Partial answer={answer} />
      <TallyBar tally={answer} />
      {answer.replayed && <p>{t("push.replayed")}</p>}
      <p class="quiet">{t("push.id", { id: <code class="whole">{id}</code> })}</p>
    </section>
  );
}

/** The same push as code. */
function Code() {
  const all = snippets(serverAddress("v1/push"), bodyOf(draft.value));
  const chosen = useSignal(all[0].name);
  return (
    <section>
      <h2>{t("push.code")}</h2>
      <p class="quiet">{t("push.codeKey", { key: <code>API_KEY</code> })}</p>
      <Chips label={t("push.code")} options={all.map(({ name }) => name)} value={[chosen.value]} onChange={([, added]) => added && (chosen.value = added)} />
      <Snippet label={chosen.value}>{all.find(({ name }) => name === chosen.value).code}</Snippet>
    </section>
  );
}
