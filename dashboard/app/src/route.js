// Which screen is shown, by the address behind #: #/pages?to=page=="home".
import { signal } from "@preact/signals";

const FIRST = "now";

/** {screen, params}: params is a URLSearchParams. */
export const route = signal(read());

addEventListener("hashchange", () => (route.value = read()));

function read() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { screen: path || FIRST, params: new URLSearchParams(query) };
}

/** The address of a screen, for a link. Parameters that are empty are left out. */
export function href(screen, params = {}) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value)).toString();
  return `#/${screen}${query && `?${query}`}`;
}

/** Shows a screen; with replace the browser's button Back does not lead to what was shown before. */
export function go(screen, params, { replace = false } = {}) {
  if (!replace) {
    location.hash = href(screen, params);
    return;
  }
  history.replaceState(null, "", href(screen, params));
  route.value = read();
}
