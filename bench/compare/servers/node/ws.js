// A server on ws: a loop over the pages that have a label.
"use strict";

const { WebSocketServer } = require("ws");
const { listen } = require("./backend.js");

const labels = new Map(); // "key=value": the pages that have it

const server = listen((key, value, body) => {
  const pages = labels.get(`${key}=${value}`) ?? new Set();
  for (const page of pages) page.send(body, { binary: false });
  return pages.size;
});

const sockets = new WebSocketServer({ server, perMessageDeflate: false });

sockets.on("connection", (page, request) => {
  const own = request.url.slice(request.url.indexOf("?") + 1).split("&");
  for (const label of own) {
    if (!labels.has(label)) labels.set(label, new Set());
    labels.get(label).add(page);
  }
  page.on("error", () => {});
  page.on("close", () => {
    for (const label of own) {
      const pages = labels.get(label);
      pages.delete(page);
      if (pages.size === 0) labels.delete(label);
    }
  });
});
