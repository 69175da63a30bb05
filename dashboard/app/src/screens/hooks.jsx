// Hooks: how the queues stand of which the backend is told of events, and calling at once one that has failed.
import { useAction } from "../action.js";
import { announce } from "../announce.js";
import { call } from "../api.js";
import { Empty, ErrorBox, Polled } from "../components/states.jsx";
import { Snippet } from "../components/copy.jsx";
import { Table } from "../components/table.jsx";
import { Bdi, Num, Time } from "../components/text.jsx";
import { usePoll } from "../poll.js";
import { can } from "../session.js";
import { t } from "../words.js";

const EVERY = 3000; // ms

export function Hooks() {
  const poll = usePoll("v1/hooks", EVERY);
  return (
    <>
      <p class="lead">{t("hooks.lead")}</p>
      <Polled poll={poll}>{({ hooks }) => (hooks.length ? <HookTable hooks={hooks} refresh={poll.refresh} /> : <NoHooks />)}</Polled>
    </>
  );
}

function HookTable({ hooks, refresh }) {
  const retry = useAction(async (name) => {
    await call("POST", `v1/hooks/${encodeURIComponent(name)}/retry`, {});
    announce(t("hooks.called", { name }));
    refresh();
  });
  const columns = [
    { key: "name", title: t("hooks.name"), head: true, cell: ({ name }) => <Bdi whole>{name}</Bdi>, sort: ({ name }) => name },
    { key: "state", title: t("hooks.state"), cell: State, sort: ({ state }) => state },
    { key: "queued", title: t("hooks.queued"), number: true, cell: ({ queued }) => <Num value={queued} />, sort: ({ queued }) => queued },
    { key: "delivered", title: t("hooks.delivered"), number: true, cell: ({ delivered }) => <Num value={delivered} />, sort: ({ delivered }) => delivered },
    { key: "failures", title: t("hooks.failures"), number: true, cell: ({ failures }) => <Num value={failures} />, sort: ({ failures }) => failures },
    { key: "dropped", title: t("hooks.dropped"), number: true, cell: ({ dropped }) => <Num value={dropped} />, sort: ({ dropped }) => dropped },
    { key: "error", title: t("hooks.error"), cell: LastError },
  ];
  if (can("manage")) columns.push({ key: "retry", title: t("hooks.action"), cell: (hook) => <Retry hook={hook} action={retry} /> });
  return (
    <>
      <ErrorBox problem={retry.problem} />
      <Table caption={t("hooks.caption")} hidden columns={columns} rows={hooks} id={({ name }) => name} />
    </>
  );
}

const State = ({ state }) => <span class={`state ${state === "ok" ? "good" : "bad"}`}>{t(state === "ok" ? "hooks.ok" : "hooks.failing")}</span>;

function LastError({ last_error, failed_at, next_call }) {
  if (!last_error) return null;
  return (
    <>
      <bdi class="whole">{last_error}</bdi>
      <div class="quiet">{t("hooks.failedAt", { time: <Time at={failed_at} /> })}</div>
      {next_call && <div class="quiet">{t("hooks.nextCall", { time: <Time at={next_call} /> })}</div>}
    </>
  );
}

const Retry = ({ hook: { name, state }, action }) => (
  <button type="button" class="small" aria-label={t("hooks.retryName", { name })} disabled={state === "ok" || action.busy} onClick={() => action.run(name)}>
    {t("hooks.retry")}
  </button>
);

const NoHooks = () => (
  <Empty title={t("hooks.none")}>
    <p>{t("hooks.noneWhy")}</p>
    <Snippet label={t("hooks.example")}>
      {'hooks:\n  events:\n    - name: backend\n      url: https://backend.example/scenecast\n      events: [connected, disconnected]'}
    </Snippet>
  </Empty>
);
