// A server on Socket.IO: a page joins a room for each of its labels.
"use strict";

const { Server } = require("socket.io");
const { listen } = require("./backend.js");

let io;

const server = listen((key, value, body) => {
  const room = `${key}=${value}`;
  io.to(room).emit("m", JSON.parse(body));
  return io.of("/").adapter.rooms.get(room)?.size ?? 0;
});

io = new Server(server, { transports: ["websocket"], serveClient: false });

io.on("connection", (page) => {
  for (const [key, value] of Object.entries(page.handshake.query)) {
    if (key !== "EIO" && key !== "transport") page.join(`${key}=${value}`);
  }
});
