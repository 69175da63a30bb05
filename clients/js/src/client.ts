import { backoff } from "./backoff.ts";
import { BAD_MESSAGE, DEAD, DONE, FORBIDDEN, REPLACED, UNAUTHORIZED, YIELDED } from "./codes.ts";
import { createEmitter } from "./events.ts";
import { CLOSED, failure, report } from "./failure.ts";
import { changeBetween, changeOf, type Change } from "./labels.ts";
import { isPrerendering, watchPage } from "./page.ts";
import { checkToken, targetOf, type Attempt, type Target } from "./target.ts";
import type { Handlers, Transport } from "./transport.ts";
import type { Client, Labels, Options, State } from "./types.ts";

const TOKEN_WITHIN = 20000;
const ANSWER_WITHIN = 10000;
const HEARTBEAT_EVERY = 25000; // because browsers do not tell a page whether the server still sends pings
const STAYED_AFTER = 5000; // a page that is thrown out sooner, time and again, waits longer each time
const TRY_WEBSOCKET_EVERY = 300000;

/** A client, and what the script tag needs besides. */
export interface TagClient extends Client {
  /** As connect, but on the present connection, by a set, where only the labels differ. */
  move(options: Options): void;
}

/**
 * Makes a client; `beside` is where it connects by default.
 *
 *   idle ──connect──▶ connecting ──▶ open        close() leads to closed from everywhere, connect() to connecting.
 *                  dial ▲     │ lost   │ lost     A loss that says "do not come back" leads to closed as well.
 *                     waiting ◀────────┘
 *
 * Listeners may call connect and close from inside any event. So each function below first brings everything into its new
 * state, and emits last.
 */
export function createClient(beside?: string): TagClient {
  const { on, off, emit } = createEmitter();
  type Timer = ReturnType<typeof setTimeout> | undefined;

  let state: State = "idle";
  let target: Target | null = null;
  let failures = 0; // since a connection has stayed
  let retryTimer: Timer;
  let unwatch: (() => void) | undefined;

  // The one attempt, or connection, that counts. What any other one still tells is stale.
  let live: Attempt & { transport?: Transport } | null = null; // no transport while the token is fetched
  let id: string | null = null; // from the welcome on
  let welcomedAt = 0;
  let heartbeatTimer: Timer; // of an event stream: the time to try WebSocket again
  let plugged: ((message: any) => void) | undefined; // sees all messages
  let watched: string[] | undefined; // keys that event streams ask for; others are asked by a message
  let deadline: Timer; // runs while the page waits for a frame from the server

  function setState(next: State) {
    if (state === next) return;
    state = next;
    if (next !== "closed") {
      unwatch = unwatch || watchPage({ wake, hide });
    } else {
      unwatch?.();
      unwatch = undefined;
    }
    emit("state", state);
  }

  function connect(options: Options) {
    target?.resume.release(); // the same scene goes on as the same page
    try {
      dial(targetOf(options || {}, beside));
    } catch (error) {
      if (live) target!.resume.acquire();
      throw error;
    }
  }

  function dial(to: Target) {
    const { token, resume, route } = to, mine: typeof live = to.attempt();
    const open = (token: string) => {
      mine.transport = to.open(token, mine, handlersOf(mine), watched);
    };
    const later = isPrerendering(); // and wake comes when it is shown
    if (!later && !mine.streams && typeof token === "string") open(token); // a mistake throws by now, and leaves all as it is
    drop(DONE, "connecting anew");
    if (target !== to) {
      if (target) giveUp(target, "the page has connected anew");
      target = to;
      failures = 0;
    }
    resume.acquire();
    if (later) return setState("waiting");
    live = mine;
    if (typeof token === "function") fetchToken(token, mine, open);
    else if (!mine.transport) open(token); // an event stream, in the place of the one before
    setDeadline(mine.transport ? route.patience : TOKEN_WITHIN);
    if (!mine.streams) heartbeatTimer = setTimeout(sendHeartbeat, HEARTBEAT_EVERY);
    setState("connecting");
  }

  async function fetchToken(fetch: () => unknown, mine: Attempt, open: (token: string) => void) {
    let token: string;
    try {
      await null; // so that it is called when the state is what it is
      const given = await fetch();
      if (live === mine && given === null) return lost(DONE, "the token function has returned null");
      token = checkToken(given);
    } catch (error) {
      if (live !== mine) return;
      report(error);
      return lost(DEAD, `no token: ${error}`);
    }
    if (live !== mine) return;
    try {
      open(token);
      setDeadline(target!.route.patience);
    } catch (error) {
      lost(BAD_MESSAGE, String(error)); // such as mixed content, which no other attempt mends
    }
  }

  function handlersOf(mine: Attempt): Handlers {
    const whileLive = <Args extends any[]>(handle: (...args: Args) => void) => (...args: Args) => {
      if (live === mine) handle(...args);
    };
    return {
      opened: whileLive(() => {
        setState("open");
        emit("open");
      }),
      alive: whileLive(alive),
      message: whileLive(receive),
      closed: whileLive(lost),
    };
  }

  // drop closes the live connection, if there is one, and reports whether there was. It does not wait for the socket's
  // close event: on a dead network that one comes a minute late.
  function drop(code: number, reason: string): boolean {
    const gone = live;
    if (id !== null && performance.now() - welcomedAt > STAYED_AFTER) failures = 0;
    live = null;
    id = null;
    for (const timer of [retryTimer, heartbeatTimer, deadline]) clearTimeout(timer);
    gone?.transport?.close(code, reason);
    return gone !== null;
  }

  function leave(next: State, reason: string) {
    const had = drop(DONE, reason);
    target?.resume.release();
    if (next === "closed" && target) giveUp(target, reason);
    setState(next);
    if (had) emit("close", { code: DONE, reason });
  }

  function lost(code: number, reason: string) {
    const to = target!, { carried, streams, transport } = live!, welcomed = id !== null;
    const forbidden = code === FORBIDDEN;
    let refused = forbidden || code === UNAUTHORIZED, unread = code === BAD_MESSAGE;
    if ((forbidden || unread) && !welcomed) {
      if (/^(since|page_id):/.test(reason)) {
        to.resumes = refused = unread = false; // a server that has not heard of resuming takes these for labels
      } else if (carried.length > 0) {
        // It may be a change in the address that is refused. Sent by itself, behind the welcome, it is told so; an event
        // stream cannot send it, so there this is the answer.
        if (streams) for (const set of carried) to.scene.refuse(set, { kind: forbidden ? "forbidden" : "invalid", detail: reason });
        to.carries = refused = unread = false;
      }
    } else if (code === UNAUTHORIZED && typeof to.token === "function" && !to.refreshed) {
      to.refreshed = true;
      refused = false;
    }
    const final = refused || unread || code === DONE || code === REPLACED;

    drop(DEAD, reason); // to no effect on a socket that has told us itself
    if (!welcomed && transport) to.route.failed(streams, code);
    if (refused || unread) console.error(`scenecast: this page is not let in (${code} ${reason}); not trying again`);
    if (final) giveUp(to, `${code} ${reason}`);
    else if (code !== YIELDED) retryTimer = setTimeout(dial, backoff(failures++, code), to);
    setState(final ? "closed" : "waiting");
    emit("close", { code, reason });
    if (refused) emit("refused", { code, reason });
  }

  const dead = () => lost(DEAD, !live!.transport ? "the token function has not answered in time"
    : live!.streams && state === "connecting" ? "no answer in time: event streams of other pages may hold all connections"
    : "no frame from the server in time");

  function setDeadline(within: number) {
    clearTimeout(deadline);
    deadline = setTimeout(dead, within);
  }

  // An event stream is never silent for longer than between two heartbeats of the server, which do not stand for a welcome.
  function alive() {
    if (live!.streams) {
      if (id !== null) setDeadline(HEARTBEAT_EVERY + ANSWER_WITHIN);
      return;
    }
    clearTimeout(deadline);
    deadline = undefined;
  }

  function receive(message: any) {
    alive();
    plugged?.(message);
    const { resume, scene } = target!;
    switch (message.type) {
      case "welcome": return welcome(message);
      case "push": return push(message);
      case "set":
        scene.confirm(message.id);
        return resume.reached(message.position);
      case "error": return scene.refuse(message.id, message);
      case "pong": return resume.reached(message.position);
      case "gap":
        resume.restart(message.position);
        return void emit("gap", { reason: message.reason, position: message.position, dropped: message.dropped });
      case "expiring":
        // Not all pages at once: their tokens may have been made at once. The other half of the time is for the token.
        return void setTimeout(renew, Math.random() * message.expires_in * 500, live);
      case "close": return lost(message.code, message.reason);
    }
  }

  // A token that cannot be had, or is refused, ends the connection when the present one has ended; then another one is asked for.
  async function renew(mine: typeof live) {
    if (live !== mine || typeof target!.token !== "function") return;
    if (mine!.streams) return dial(target!);
    try {
      const token = await target!.token();
      if (live === mine && token !== null) send({ type: "token", token: checkToken(token) });
    } catch (error) {
      report(error);
    }
  }

  function welcome(message: any) {
    const { route, scene, resume, acks } = target!, { carried, streams, since } = live!;
    id = message.id;
    welcomedAt = performance.now();
    target!.carries = true;
    target!.refreshed = false;
    if (!since) resume.restart(message.position); // otherwise what was missed is still to come
    carried.forEach(scene.confirm);
    if (streams) {
      heartbeatTimer = setTimeout(tryWebSocket, TRY_WEBSOCKET_EVERY);
      alive();
      if (scene.pending().length > 0) return dial(target!);
    } else {
      route.arrived();
      for (const set of scene.pending()) send(scene.request(set));
      for (const position of acks.splice(0)) sendAck(position);
    }
    emit("welcome", message);
  }

  const send = (message: object) => live!.transport!.send!(message);
  const sendAck = (position: string) => send({ type: "ack", position });

  function push({ data, event, position, late = false, ack: wanted }: any) {
    const to = target!;
    const { resume, manual, acks } = to;
    const ack = () => {
      if (!wanted || to !== target) return;
      wanted = false;
      if (id !== null && !live!.streams) sendAck(position);
      else acks.push(position);
    };
    if (!resume.take(position, late)) {
      if (!manual) ack(); // it has been shown, and the server has not heard of it
      return;
    }
    const returned = emit("message", data, { event, position, late, ack });
    const handled = Promise.all(returned.map((result) => Promise.resolve(result).catch(report)));
    if (!late) resume.handled(handled);
    if (!manual && returned.length > 0) handled.then(ack); // without a listener, the page has not got it
  }

  function sendHeartbeat() {
    clearTimeout(heartbeatTimer);
    heartbeatTimer = setTimeout(sendHeartbeat, HEARTBEAT_EVERY);
    if (deadline !== undefined) return; // it waits already; asking again must not give the server more time
    send({ type: "ping" });
    setDeadline(ANSWER_WITHIN);
  }

  function tryWebSocket() {
    if (target!.route.renewed()) dial(target!);
  }

  // Waiting longer makes no sense, and an open socket may have died meanwhile.
  function wake(renewed: boolean) {
    const elsewhere = renewed && target!.route.renewed();
    if (state === "waiting" || renewed && state === "connecting") dial(target!);
    else if (state === "open") {
      if (!live!.streams) sendHeartbeat();
      else if (elsewhere) dial(target!);
      else live!.transport!.shown!();
    }
  }

  function hide() {
    if (state !== "closed") leave("waiting", "page hidden");
  }

  function set(labels: Labels): Promise<void> {
    try {
      return add(changeOf(labels));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  function add(change: Change): Promise<void> {
    if (state === "idle" || state === "closed") {
      const none = Promise.reject(failure({ kind: CLOSED, detail: "there is no connection" }));
      none.catch(() => {}); // never unhandled, as in Scene.refuse
      return none;
    }
    const { scene } = target!, { id: number, done } = scene.add(change);
    if (id !== null) {
      if (live!.streams) dial(target!);
      else send(scene.request(number));
    }
    return done;
  }

  function move(options: Options) {
    const to = targetOf(options, beside);
    if (state === "idle" || state === "closed" || target!.key !== to.key) return connect(options);
    const { scene } = target!, change = changeBetween(scene.with(scene.pending()), to.scene.with([]));
    if (change.length > 0) add(change).catch(report);
  }

  function giveUp({ scene, resume }: Target, detail: string) {
    resume.release();
    for (const set of scene.pending()) scene.refuse(set, { kind: CLOSED, detail });
  }

  return {
    connect, move, set, on, off,
    plug(take, keys) { watched ||= keys; const before = plugged; plugged = (m) => { before?.(m); take(m); }; return send; },
    close: () => leave("closed", "closed by the page"),
    get state() { return state; },
    get id() { return id; },
    get pageID() { return target && target.resume.pageID; },
  };
}
