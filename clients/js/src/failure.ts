/** What the server says is wrong: the members of a problem that it sends, all of them optional but the words. */
export interface Problem { kind?: string; detail?: string; where?: string; setting?: string }

/** The problem on one line, as the server's own logs have it. */
export function words({ detail, where, setting }: Problem): string {
  return (where ? `${where}: ` : "") + detail + (setting ? ` (setting: ${setting})` : "");
}

/** The kind of a set's failure where there is no connection for it, or there is to be none. */
export const CLOSED = "closed";

/** The error with which a set is rejected. */
export function failure(problem: Problem): Error {
  const { kind, where, setting } = problem;
  return Object.assign(new Error(words(problem)), { name: "ScenecastError", kind, where, setting });
}

/** Reports an error of the page's own, which must not stop this client. */
export function report(error: unknown): void {
  (typeof reportError === "function" ? reportError : console.error)(error);
}
