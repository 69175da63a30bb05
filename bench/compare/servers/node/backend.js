// What the Node servers of the comparison have in common: publishes by HTTP, and collecting garbage.
"use strict";

const http = require("node:http");

// listen serves publishes on the port that the command line names: publish(key, value, body) sends to the pages with a label
// and says how many they are. It returns the http.Server, for WebSocket to be added.
exports.listen = (publish) => {
  const server = http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
    if (request.url === "/gc") {
      global.gc();
      response.end();
      return;
    }
    const [key, value] = request.url.slice(request.url.indexOf("?") + 1).split("=").map(decodeURIComponent);
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => response.end(JSON.stringify({ matched: publish(key, value, Buffer.concat(parts)) })));
  });
  return server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
};
