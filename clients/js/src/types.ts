// What a page sees of this client.

/** Where the client stands; docs/client.md has the picture. */
export type State = "idle" | "connecting" | "open" | "waiting" | "closed";

/** Labels by key: one value, several, or none, which takes the key away. */
export type Labels = Record<string, string | string[] | null>;

/** The page's token, or what fetches one: it is called for each connection. null means that there is to be none: it stops. */
export type Token = string | (() => string | null | Promise<string | null>);

/** What this client needs of the class WebSocket, which the npm package `ws` has too. */
export type WebSocketClass = new (address: string, subprotocol: string) => WebSocketLike;

export interface WebSocketLike {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export interface Options {
  token: Token;
  /** Defaults to v1/connect beside the script that is a tag, or to /v1/connect of the page's host. Outside of browsers it must be given. */
  url?: string;
  labels?: Labels;
  /** "manual": a push is acknowledged when the listener calls meta.ack(), not when all listeners are done. */
  ack?: "manual";
  /** "session": the position is kept in sessionStorage, so that a reload loses nothing. Defaults to memory. */
  store?: "session";
  /** Defaults to the global one. Without any, pushes come over an event stream. */
  WebSocket?: WebSocketClass;
}

/** What is known of a push besides its data. */
export interface Meta {
  event?: string;
  position?: string;
  /** The push is older than others that were shown: the page has come to match it later. */
  late: boolean;
  /** Tells the server that the page has taken the push, where the backend asks for it. For `ack: "manual"`. */
  ack(): void;
}

export interface Close { code: number; reason: string }
export interface Welcome { id: string; position?: string }
export interface Gap {
  /** "retention", "epoch", "position" or "dropped"; docs/client.md has what they mean. */
  reason: string;
  /** Where pushes go on. Missing where they go on where they were. */
  position?: string;
  /** How many pushes were dropped, where that is the reason. */
  dropped?: number;
}

/** The events and their listeners. What a listener of "message" returns is waited for before the push is acknowledged. */
export interface Events {
  message: (data: any, meta: Meta) => unknown;
  open: () => unknown;
  welcome: (welcome: Welcome) => unknown;
  gap: (gap: Gap) => unknown;
  close: (close: Close) => unknown;
  refused: (close: Close) => unknown;
  state: (state: State) => unknown;
}

export interface Client {
  connect(options: Options): void;
  set(labels: Labels): Promise<void>;
  close(): void;
  on<Name extends keyof Events>(event: Name, listener: Events[Name]): () => void;
  off<Name extends keyof Events>(event: Name, listener: Events[Name]): void;
  readonly state: State;
  /** The connection's, as the backend knows it; null where there is none. */
  readonly id: string | null;
  /** The page's, which stays over reconnects; null before the first connect. The backend knows it as the label @page. */
  readonly pageID: string | null;
  /** For presence and calls. */
  plug(take: (message: any) => void, watched?: string[]): (message: object) => void;
}

/** What presence and calls need of a client. */
export interface PresenceClient extends Pick<Client, "id" | "state" | "on" | "set"> {
  /**
   * Has a function see all messages of the server. Returns what sends one to it, and throws on an event stream, which asks for the presence of
   * the watched keys when it is opened.
   */
  plug(take: (message: any) => void, watched?: string[]): (message: object) => void;
}

/** Why a call has no answer. */
export interface CallProblem extends Error {
  /** forbidden, not_found, invalid: of the backend; too_many, unavailable; uncertain: the backend may have got the call. */
  kind: string;
  detail: string;
  /** The setting that decides, where there is one. */
  setting?: string;
}

/** A user in one of the page's scenes. */
export interface PresenceMember {
  user: string;
  /** What the member shows. */
  labels: Record<string, string | string[]>;
  /** RFC 3339. */
  since?: string;
  /** The scene: which value of the key. */
  value: string;
}

export interface PresenceEvents {
  joined: (member: PresenceMember) => unknown;
  left: (member: PresenceMember) => unknown;
  updated: (member: PresenceMember) => unknown;
  /** Anything has changed: members, counts, or the scenes. */
  change: (presence: Presence) => unknown;
  /** The key cannot be watched. */
  refused: (problem: { kind: string; detail: string }) => unknown;
}

/** Who is in the page's scenes of a key. docs/client.md has more. */
export interface Presence {
  readonly key: string;
  /** In scenes of more than max_members, some of them. */
  readonly members: PresenceMember[];
  /** How many there are. */
  readonly count: number;
  /** Connections without a user. */
  readonly anonymous: number;
  /** There are more members than `members`, and what changes is told as counts: no joined, left and updated. */
  readonly partial: boolean;
  on<Name extends keyof PresenceEvents>(event: Name, listener: PresenceEvents[Name]): () => void;
  /** Ends it. */
  close(): void;
}

export interface Scenecast extends Client {
  /** Shows message.message, or the text, or the message's JSON as a pop-up. */
  popup(message: unknown): void;
  /** Who is in the page's scenes of a key; of the script tag only where scenecast-presence.js is loaded behind it. */
  presence?(key: string): Presence;
  /** Asks the backend, and rejects with a CallProblem; of the script tag only where scenecast-call.js is loaded behind it. */
  call?(method: string, data?: unknown): Promise<any>;
}
