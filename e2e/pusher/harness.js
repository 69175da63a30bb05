// What the tests share. The servers are started by ../pusher_test.go, which says where they are.
"use strict";
const assert = require("node:assert/strict");
const { after, describe } = require("node:test");
const { isDeepStrictEqual } = require("node:util");

const settings = JSON.parse(process.env.SCENECAST_PUSHER);
const Pusher = require(settings.client);
const Server = require("pusher");

const nodes = settings.nodes; // host:port of each
const app = { appId: "1", key: "app-key", secret: "app-secret", master: Buffer.alloc(32, 7).toString("base64") };

// Ends what would hang; nothing is asserted about it.
const patience = 60_000;

// BackendOfNodes tries again what a node refuses with the status 503, as that says: on a machine that is busy for a second, nobody leads the log of several.
class BackendOfNodes extends Server {
  get(options) {
    return again(() => super.get(options));
  }

  post(options) {
    return again(() => super.post(options));
  }
}

async function again(call) {
  for (const until = Date.now() + patience; ; ) {
    try {
      return await call();
    } catch (error) {
      if (error.status !== 503 || Date.now() > until) throw error;
    }
    await turn();
  }
}

// turn lets others go on for a moment.
const turn = () => new Promise((resolve) => setTimeout(resolve, 10));

// backend is the server library, which talks to one of the nodes.
function backend(node = 0) {
  const [host, port] = nodes[node % nodes.length].split(":");
  return new BackendOfNodes({ ...app, host, port, useTLS: settings.tls, encryptionMasterKeyBase64: app.master });
}

// connect makes a client, which is connected when the promise is fulfilled. member is who it is in presence channels, user who it signs in as.
async function connect({ node = 0, transport = settings.transports[0], member, user, ...options } = {}) {
  const pusher = client({ node, transport, member, user, ...options });
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not connected by ${transport}`)), patience);
    pusher.connection.bind("connected", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  return pusher;
}

// client makes one that may not be connected.
function client({ node = 0, transport = settings.transports[0], member, user, key = app.key, ...options }) {
  const [host, port] = nodes[node % nodes.length].split(":");
  const signer = backend();
  const pusher = new Pusher(key, {
    cluster: "none",
    wsHost: host,
    wsPort: +port,
    wssPort: +port,
    httpHost: host,
    httpPort: +port,
    httpsPort: +port,
    forceTLS: settings.tls,
    enabledTransports: [transport],
    enableStats: false,
    channelAuthorization: {
      customHandler: ({ socketId, channelName }, answer) => answer(null, signer.authorizeChannel(socketId, channelName, member)),
    },
    userAuthentication: { customHandler: ({ socketId }, answer) => answer(null, signer.authenticateUser(socketId, user)) },
    ...options,
  });
  after(() => pusher.disconnect());
  return pusher;
}

// Queue has what has come, in order.
class Queue {
  constructor(what) {
    this.what = what;
    this.items = [];
    this.waiting = [];
  }

  push(item) {
    const next = this.waiting.shift();
    if (next) next(item);
    else this.items.push(item);
  }

  // next is the next item.
  next() {
    if (this.items.length > 0) return Promise.resolve(this.items.shift());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nothing has come: ${this.what}`)), patience);
      this.waiting.push((item) => {
        clearTimeout(timer);
        resolve(item);
      });
    });
  }

  async expect(...items) {
    for (const item of items) assert.deepEqual(await this.next(), item);
  }
}

// events are what a channel, a user or a connection tells by these names, each as [name, data].
function events(from, ...names) {
  const queue = new Queue(names.join(", "));
  for (const name of names) from.bind(name, (data) => queue.push([name, data]));
  return queue;
}

// subscribe subscribes to a channel, and waits until the server has said so.
async function subscribe(pusher, name) {
  const channel = pusher.subscribe(name);
  if (channel.subscribed) return channel;
  const told = events(channel, "pusher:subscription_succeeded", "pusher:subscription_error");
  const [event, data] = await told.next();
  assert.equal(event, "pusher:subscription_succeeded", `${name}: ${JSON.stringify(data)}`);
  return channel;
}

let names = 0;
// unique is a name that no other test has.
const unique = (prefix) => `${prefix}-${process.pid}-${settings.run}-${++names}`;

// eventually asks until the answer is the one that is wanted: nodes tell each other of members in their own time.
async function eventually(ask, want) {
  for (const until = Date.now() + patience; ; ) {
    const got = await ask();
    if (isDeepStrictEqual(got, want)) return;
    if (Date.now() > until) assert.deepEqual(got, want);
    await turn();
  }
}

// repeat sends a client event, and again every two seconds until it is heard: one that comes while nobody leads the log of several nodes is lost, and
// nobody is told.
async function repeat(send, heard) {
  send();
  const timer = setInterval(send, 2000);
  try {
    return await heard;
  } finally {
    clearInterval(timer);
  }
}

// byTransport describes something by each transport, all at once.
const byTransport = (what, body) =>
  describe(what, { concurrency: true }, () => {
    for (const transport of settings.transports) describe(`by ${transport}`, { concurrency: true }, () => body(transport));
  });

// control asks the Go test for something.
async function control(path) {
  const answer = await fetch(settings.control + path, { signal: AbortSignal.timeout(patience) });
  assert.equal(answer.status, 200, `${path}: ${answer.status}`);
  return answer.json();
}

module.exports = { settings, nodes, app, backend, connect, client, Queue, events, subscribe, unique, eventually, repeat, byTransport, control, Pusher, patience };
