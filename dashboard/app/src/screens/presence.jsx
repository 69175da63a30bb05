// Presence: the scenes of a presence key in which somebody is, and who is in one of them.
import { Chips } from "../components/fields.jsx";
import { Snippet } from "../components/copy.jsx";
import { Labels } from "../components/labels.jsx";
import { Empty, Polled } from "../components/states.jsx";
import { Table } from "../components/table.jsx";
import { Bdi, Num, Time } from "../components/text.jsx";
import { usePoll } from "../poll.js";
import { go, href, route } from "../route.js";
import { self } from "../session.js";
import { t } from "../words.js";

const EVERY = 2000; // ms
const LIMIT = 200; // scenes, or members, that are shown

export function Presence() {
  const keys = self.value.presence ?? [], { params } = route.value;
  const key = params.get("key") ?? keys[0], value = params.get("value");
  const query = new URLSearchParams({ key, ...(value !== null && { value }), limit: String(LIMIT) });
  const poll = usePoll(key === undefined ? null : `v1/presence?${query}`, EVERY);
  if (key === undefined) return <NoKeys />;
  return (
    <>
      <p class="lead">{t("presence.lead")}</p>
      {keys.length > 1 && <Chips label={t("presence.keys")} options={keys} value={[key]} onChange={(chosen) => go("presence", { key: chosen.at(-1) ?? key })} />}
      {value !== null && <p><a href={href("presence", { key })}>{t("presence.all", { key: <Bdi>{key}</Bdi> })}</a></p>}
      <Polled poll={poll}>{(answer) => (value === null ? <Scenes answer={answer} /> : <Members answer={answer} />)}</Polled>
    </>
  );
}

const Scenes = ({ answer: { key, scenes = [], distinct } }) => (
  <>
    <p role="status">{t("presence.shown", { n: scenes.length, distinct: distinct ?? scenes.length })}</p>
    <Table
      caption={t("presence.scenes")}
      hidden
      rows={scenes}
      id={({ value }) => value}
      empty={t("presence.empty")}
      sorted={{ key: "members", descending: true }}
      columns={[
        { key: "value", title: key, head: true, cell: ({ value }) => <a href={href("presence", { key, value })}><Bdi>{value}</Bdi></a>, sort: ({ value }) => value },
        { key: "members", title: t("presence.members"), number: true, cell: (row) => <Num value={row.members} />, sort: (row) => row.members ?? 0 },
        { key: "anonymous", title: t("presence.anonymous"), number: true, cell: (row) => <Num value={row.anonymous} />, sort: (row) => row.anonymous ?? 0 },
        { key: "connections", title: t("presence.connections"), number: true, cell: (row) => <Num value={row.connections} />, sort: (row) => row.connections },
      ]}
    />
  </>
);

const Members = ({ answer: { key, value, count, anonymous, connections, members = [] } }) => (
  <>
    <h2><Bdi>{key}</Bdi> = <Bdi>{value}</Bdi></h2>
    <p role="status">{t("presence.who", { n: count ?? members.length, anonymous: anonymous ?? 0, connections: connections ?? 0 })}</p>
    <Table
      caption={t("presence.members")}
      hidden
      rows={members}
      id={({ user }) => user}
      empty={t("presence.nobody")}
      columns={[
        { key: "user", title: t("presence.user"), head: true, cell: ({ user }) => <a href={href("pages", { user })}><Bdi>{user}</Bdi></a>, sort: ({ user }) => user },
        { key: "shows", title: t("presence.shows"), cell: ({ labels }) => labels && <Labels labels={labels} /> },
        { key: "connections", title: t("presence.connections"), number: true, cell: (row) => <Num value={row.connections} />, sort: (row) => row.connections },
        { key: "since", title: t("presence.since"), cell: ({ since }) => since && <Time at={since} />, sort: ({ since }) => since ?? "" },
      ]}
    />
  </>
);

const NoKeys = () => (
  <Empty title={t("presence.none")}>
    <p>{t("presence.noneWhy")}</p>
    <Snippet label={t("presence.example")}>{"presence:\n  - key: order\n    show: [name]\n    linger: 3s"}</Snippet>
  </Empty>
);
