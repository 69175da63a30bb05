// Ports of 127.0.0.1 for servers that tests start, and start again: what the package freeport is for the tests in Go, on the same terms.
// The port that the kernel chooses is free only while its listener is open: between two servers, any process may get it, also as the
// source of an outgoing connection. Those reserved here are below the ones that the kernel gives away (ip_local_port_range, ip(7)).
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const LOWEST = 10000, HIGHEST = 32767, FEWEST = 1000, HOST = "127.0.0.1";

function last(): number {
  try {
    const first = parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"));
    return first >= LOWEST + FEWEST ? first - 1 : HIGHEST;
  } catch {
    return HIGHEST; // a system that does not tell
  }
}

export interface Port {
  readonly address: string;
  /** Ends the reservation. */
  release(): void;
}

/** Reserves a port on which nobody listens: by a UDP socket of its number, which is in no server's way and ends with the process. */
export async function reserve(): Promise<Port> {
  const count = last() - LOWEST + 1, start = Math.floor(Math.random() * count);
  for (let i = 0; i < count; i++) {
    const port = LOWEST + (start + i) % count, lock = createSocket("udp4");
    if (await locked(lock, port) && await free(port)) {
      lock.unref();
      return { address: `${HOST}:${port}`, release: () => lock.close() };
    }
    lock.close();
  }
  throw new Error(`no port between ${LOWEST} and ${last()} is free`);
}

async function locked(lock: Socket, port: number): Promise<boolean> {
  lock.bind({ port, address: HOST, exclusive: true });
  return once(lock, "listening").then(() => true, () => false);
}

async function free(port: number): Promise<boolean> {
  const server = createServer().listen({ port, host: HOST, exclusive: true });
  if (!await once(server, "listening").then(() => true, () => false)) return false;
  server.close();
  await once(server, "close");
  return true;
}
