import type { Handlers, Transport } from "./transport.ts";
import type { WebSocketClass } from "./types.ts";

const SUBPROTOCOL = "scenecast.v1";

/** Throws where the address cannot be one. */
export function openWebSocket(Class: WebSocketClass, address: string, handlers: Handlers): Transport {
  const socket = new Class(address, SUBPROTOCOL);
  socket.onopen = handlers.opened;
  socket.onmessage = (event) => handlers.message(JSON.parse(event.data));
  socket.onclose = (event) => handlers.closed(event.code, event.reason);
  socket.onerror = () => {}; // close follows, and tells as much; without this, the package ws throws
  return {
    send: (message) => socket.send(JSON.stringify(message)),
    close: (code, reason) => socket.close(code, reason),
  };
}
