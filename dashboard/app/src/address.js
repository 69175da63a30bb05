import { self } from "./session.js";

/**
 * Where pages and backends reach the server: what is beside the dashboard, as this browser reaches it. A dashboard with a port of its own has nothing
 * beside it: then it is the other port of the same host, and where that is not known, because a proxy is in between, a name to be replaced.
 */
export function serverAddress(path) {
  const { ports } = self.value;
  if (!ports) return new URL(`../${path}`, document.baseURI).href;
  const { protocol, hostname, port } = location;
  const here = Number(port || (protocol === "https:" ? 443 : 80));
  return here === ports.dashboard && ports.server ? new URL(`${protocol}//${hostname}:${ports.server}/${path}`).href : `https://SERVER/${path}`;
}
