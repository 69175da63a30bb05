// Over real sockets of Node's, with a server of a few lines.
import { test } from "node:test";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { assert, Page, until, type WebSocket } from "./real.ts";

interface Site { url: string; close(): Promise<void> }

/** A server on a free port; without `connection` it has no WebSocket. */
async function serve(stream: (request: IncomingMessage, response: ServerResponse) => void,
  connection?: (socket: WebSocket, request: IncomingMessage) => void): Promise<Site> {
  const site = createServer(stream);
  const sockets = connection && new WebSocketServer({ server: site }).on("connection", connection);
  if (!sockets) site.on("upgrade", (_, socket) => socket.destroy());
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  const { port } = site.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/v1/connect`,
    close: () => new Promise((resolve) => {
      site.close(() => resolve());
      site.closeAllConnections();
      sockets?.clients.forEach((socket) => socket.terminate()); // which are the server's no more
    }),
  };
}

test("push, ack and resume over the package ws", async () => {
  const heard: string[] = [], asked: string[] = [];
  const site = await serve((_, response) => response.writeHead(404).end(), (socket, { url }) => {
    const since = new URL(url!, "http://x").searchParams.get("since");
    asked.push(`${socket.protocol} since ${since}`);
    socket.on("message", (text) => heard.push(String(text)));
    socket.send('{"type":"welcome","id":"1.1","position":"a-1"}');
    socket.send(since ? '{"type":"push","position":"a-3","data":"missed"}' : '{"type":"push","position":"a-2","data":{"code": 200},"ack":true}');
  });
  const page = new Page({ url: site.url, token: "t" });
  await page.expect({ code: 200 });
  await until("the ack has come", () => heard.length === 1);
  await page.cut();
  await page.expect({ code: 200 }, "missed");
  assert.deepEqual([heard, asked, page.log], [['{"type":"ack","position":"a-2"}'], ["scenecast.v1 since null", "scenecast.v1 since a-2"], ["close 1006"]]);
  await site.close();
});

test("a server to which WebSocket does not get through is heard over an event stream of Node's fetch", async () => {
  const asked: string[] = [];
  const site = await serve((request, response) => {
    asked.push(new URL(request.url!, "http://x").searchParams.get("since") ?? request.url!.split("?")[0]);
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    response.write('event: scenecast\ndata: {"type":"welcome","id":"1.1","position":"a-1"}\n\n');
    response.end(`id: a-${asked.length + 1}\ndata: ${asked.length}\n\n`);
  });
  const page = new Page({ url: site.url, token: "t" });
  await page.expect(1, 2, 3);
  assert.deepEqual([asked.slice(0, 3), page.opened.length], [["/v1/events", "a-2", "a-3"], 2]);
  await site.close();
});

test("a server that is full says so in a stream of status 200, and is asked again", async () => {
  let asked = 0;
  const site = await serve((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    if (++asked < 3) response.end('retry: 1234\nevent: scenecast\ndata: {"type":"close","code":4503,"reason":"draining"}\n\n');
    else response.write('event: scenecast\ndata: {"type":"welcome","id":"1.1","position":"a-1"}\n\ndata: "here"\n\n');
  });
  const page = new Page({ url: site.url, token: "t" });
  await page.expect("here");
  assert.deepEqual([page.log.slice(-2), asked], [["close 4503", "close 4503"], 3]);
  await site.close();
});
