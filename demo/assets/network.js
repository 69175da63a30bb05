// WebSockets that can be cut off, as a network does it: those that are open break, and no other one opens.

let down = false;
const open = new Set();

/** Whether WebSockets are cut off. */
export const isCut = () => down;

export function cut() {
  down = true;
  for (const socket of open) socket.lose();
}

/** Lets WebSockets through, and has the page script try at once, as when the browser is online again. */
export function restore() {
  down = false;
  dispatchEvent(new Event("online"));
}

/** For the option WebSocket of scenecast.connect. */
export class CuttableWebSocket {
  constructor(address, subprotocol) {
    if (down) {
      queueMicrotask(() => this.onclose({ code: 1006, reason: "" }));
      return;
    }
    const socket = this.socket = new WebSocket(address, subprotocol);
    open.add(this);
    socket.onopen = (event) => this.onopen(event);
    socket.onmessage = (event) => this.onmessage(event);
    socket.onclose = (event) => {
      open.delete(this);
      this.onclose(event);
    };
  }

  send(text) {
    this.socket.send(text);
  }

  close(code, reason) {
    this.socket?.close(code, reason);
  }

  lose() {
    open.delete(this);
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.onclose({ code: 1006, reason: "" });
  }
}
