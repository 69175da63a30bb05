// Where pages and backends reach the server, as this browser does: what is beside the dashboard.
export const serverAddress = (path) => new URL(`../${path}`, document.baseURI).href;
