// Prints what an event stream says, a line of JSON for each event: type, ID, data. A failure has the HTTP status and whether the
// client has given up, in place of ID and data.
import { EventSource } from "eventsource";

const events = new EventSource(process.argv[2]);
const print = (...what) => console.log(JSON.stringify(what));
for (const type of ["message", "scenecast", ...process.argv.slice(3)]) {
  events.addEventListener(type, (event) => print(type, event.lastEventId, JSON.parse(event.data)));
}
events.addEventListener("error", (error) => print("error", error.code ?? 0, events.readyState === EventSource.CLOSED));
