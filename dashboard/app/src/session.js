// Who is logged in: the key, what it may do and where.
import { signal } from "@preact/signals";
import { expired, request } from "./api.js";
import { go } from "./route.js";

/** The answer of GET v1/self; null before there is one, and after logging out. */
export const self = signal(null);

/** Where the login stands: "asking" for self, "out", "in", or a Problem because of which self cannot be told. */
export const login = signal("asking");

/** Whether the key has a scope. The server checks it again; this only hides what would be refused. */
export const can = (scope) => self.value?.scopes.includes(scope) ?? false;

/** Whether the key sees what is of all apps: it is of the app named default, and not confined. */
export const seesAll = () => self.value?.app === "default" && !self.value.within;

/** Why a login by the link that the server has printed has failed. */
export const linkProblem = signal(null);

let asked = 0; // how often it was asked who is logged in

/** Asks who is logged in. Where it is asked again before the answer, as by a second link, the later answer counts, whichever comes first. */
export async function loadSelf() {
  const mine = ++asked;
  try {
    const answer = await request("GET", "api/v1/self");
    if (mine !== asked) return;
    self.value = answer;
    expired.value = false;
    linkProblem.value = null;
    login.value = "in";
  } catch (problem) {
    if (mine === asked) login.value = problem.status === 401 ? "out" : problem;
  }
}

/** Logs in by the code in the address, #login=CODE, where there is one, and asks who is logged in. */
export async function start() {
  await followLink();
  await loadSelf();
}

// The link may be opened in a tab that shows the dashboard already: then only what is behind # changes, and nothing is loaded.
addEventListener("hashchange", async () => {
  if (await followLink()) await loadSelf();
});

async function followLink() {
  const [, code] = /^#login=(.+)/.exec(location.hash) ?? [];
  if (!code) return false;
  go("now", {}, { replace: true }); // it is good once, and is not to be in the history
  try {
    await request("POST", "login", { key: code }); // letters and digits, so that it is as it was printed
  } catch (problem) {
    linkProblem.value = problem;
  }
  return true;
}

/** Logs in with an API key; remember keeps the cookie when the browser closes. Throws a Problem. */
export async function logIn(key, remember) {
  await request("POST", "login", { key, remember });
  await loadSelf();
}

/** Logs out. Throws a Problem; then the session goes on. */
export async function logOut() {
  await request("POST", "logout", {});
  asked++; // an answer of before is of no use
  login.value = "out";
  self.value = null;
  expired.value = false;
}
