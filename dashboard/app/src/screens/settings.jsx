// Settings: those in force at the node that answers, what a reload would change, and reloading.
import { useSignal } from "@preact/signals";
import { useAction } from "../action.js";
import { announce } from "../announce.js";
import { call } from "../api.js";
import { Confirm } from "../components/dialog.jsx";
import { TextField } from "../components/fields.jsx";
import { ErrorBox, Note, Polled } from "../components/states.jsx";
import { Table } from "../components/table.jsx";
import { list } from "../components/text.jsx";
import { usePoll } from "../poll.js";
import { t } from "../words.js";

const EVERY = 10_000; // ms

export function Settings() {
  const poll = usePoll("v1/settings", EVERY);
  return (
    <>
      <p class="lead">{t("settings.lead")}</p>
      <Polled poll={poll}>
        {({ settings, changed, problem }) => (
          <>
            <Reload changed={changed} problem={problem} refresh={poll.refresh} />
            <InForce settings={settings} />
          </>
        )}
      </Polled>
    </>
  );
}

function Reload({ changed, problem, refresh }) {
  const asking = useSignal(false);
  const reload = useAction(async () => {
    const done = await call("POST", "v1/reload", {});
    asking.value = false;
    announce(t("settings.reloaded"));
    refresh();
    return done;
  });
  const live = changed.filter((each) => each.live);
  return (
    <section aria-labelledby="changes">
      <h2 id="changes">{t("settings.changes")}</h2>
      {reload.value && <Reloaded done={reload.value} />}
      {problem && <ErrorBox problem={problem}><p>{t("settings.unreadable")}</p></ErrorBox>}
      {!problem && !changed.length && <p>{t("settings.same")}</p>}
      {changed.length > 0 && <Table caption={t("settings.changes")} hidden columns={changes()} rows={changed} id={({ setting }) => setting} />}
      <div class="buttons">
        <button type="button" onClick={() => (asking.value = true)}>{t("settings.reload")}</button>
      </div>
      {asking.value && (
        <Confirm
          title={t("settings.reloadTitle")}
          yes={t("settings.reload")}
          action={reload}
          problem={<ErrorBox problem={reload.problem} />}
          onClose={() => {
            asking.value = false;
            reload.clear();
          }}
        >
          <p>{live.length ? t("settings.confirm", { n: live.length, names: list(live.map(({ setting }) => setting)) }) : t("settings.confirmNone")}</p>
          <p>{t("settings.confirmNode")}</p>
        </Confirm>
      )}
    </section>
  );
}

const changes = () => [
  { key: "setting", title: t("settings.setting"), head: true, cell: ({ setting }) => <code>{setting}</code> },
  { key: "in_force", title: t("settings.inForce"), cell: ({ in_force }) => <Value value={in_force} /> },
  { key: "in_file", title: t("settings.inFile"), cell: ({ in_file }) => <Value value={in_file} /> },
  { key: "live", title: t("settings.takes"), cell: ({ live }) => (live ? t("settings.takesReload") : <span class="busy">{t("settings.takesRestart")}</span>) },
];

const Reloaded = ({ done: { applied, restart, closed, warnings } }) => (
  <Note kind={restart.length || warnings.length ? "busy" : "good"}>
    <p>{applied.length ? t("settings.applied", { names: list(applied) }) : t("settings.appliedNone")}</p>
    {restart.length > 0 && <p>{t("settings.restart", { names: list(restart) })}</p>}
    {closed > 0 && <p>{t("settings.closed", { n: closed })}</p>}
    {warnings.map((text) => <p key={text}><bdi>{text}</bdi></p>)}
  </Note>
);

/** All settings by their keys, with a field that chooses among them. */
function InForce({ settings }) {
  const text = useSignal("");
  const rows = flat(settings).filter(({ setting, value }) => `${setting} ${JSON.stringify(value)}`.toLowerCase().includes(text.value.trim().toLowerCase()));
  const columns = [
    { key: "setting", title: t("settings.setting"), head: true, cell: ({ setting }) => <code>{setting}</code> },
    { key: "value", title: t("settings.value"), cell: ({ value }) => <Value value={value} /> },
  ];
  return (
    <section aria-labelledby="in-force">
      <h2 id="in-force">{t("settings.inForce")}</h2>
      <TextField label={t("settings.find")} type="search" value={text.value} onInput={(next) => (text.value = next)} />
      <Table caption={t("settings.inForce")} hidden columns={columns} rows={rows} id={({ setting }) => setting} stacked empty={t("settings.noneFound")} />
    </section>
  );
}

/** The settings of a nested object by their keys, as cluster.node; a list is one value. */
function flat(settings, above = "") {
  return Object.entries(settings).flatMap(([key, value]) => {
    const setting = above + key;
    const nested = value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length > 0;
    return nested ? flat(value, `${setting}.`) : [{ setting, value }];
  });
}

/** A list has a line for each item. */
const textOf = (value) => (typeof value === "string" ? value : Array.isArray(value) ? value.map(textOf).join("\n") : JSON.stringify(value));

const Value = ({ value }) => {
  const isEmpty = value === null || value === undefined || value === "" || (typeof value === "object" && Object.keys(value).length === 0);
  if (isEmpty) return <span class="quiet">–</span>;
  return <code class="whole"><bdi>{textOf(value)}</bdi></code>;
};
