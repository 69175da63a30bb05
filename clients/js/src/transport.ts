/** What a connection tells the client. Nothing comes after `closed`. */
export interface Handlers {
  opened(): void;
  /** There was a sign of life that is no message. */
  alive(): void;
  message(message: any): void;
  closed(code: number, reason: string): void;
}

/** One connection, WebSocket or event stream; it is opened by being made, and never reopened. */
export interface Transport {
  /** Missing where a page can only listen. */
  send?(message: object): void;
  /** The page is shown. */
  shown?(): void;
  close(code: number, reason: string): void;
}
