// What a backend does with generated clients. Each line must compile: what may be left out is, and what is there is of the type
// that the description says.
import { AudienceQuery, ConnectionsService, Disconnect, MachineryService, OpenAPI, PagesService, Push, Pushed, PushService } from "./generated/client";
import type { components, paths } from "./generated/types";

type Schemas = components["schemas"];

export const least: Schemas["Push"] = { to: { page: "home" }, message: { code: 200 } };
export const most: Schemas["Push"] = {
  to: 'page == "order"', except: "5203.1", event: "order.shipped", message: null, ttl: "5m", coalesce: "order:7",
  retain: "order:7", receipt: "acked", timeout: "2s", id: "order-7-shipped", dry_run: true,
};
export const batch: paths["/v1/push"]["post"]["requestBody"]["content"]["application/json"] = [least, most];
export const why: Schemas["Explain"] = { to: "*", labels: { page: "home" } };
export const because = (x: Schemas["Explained"]): string | undefined => x.explanation.of?.[0]?.why ?? x.explanation.why;
export const newest: paths["/v1/pushes"]["get"]["parameters"]["query"] = { order: "desc", before: "mhzk2c3f-7", connection: "5203.4" };
export const lost = (c: Schemas["ConnectionDetail"]): string => `${c.sources?.page} ${c.outbox?.bytes} ${c.endings?.[0]?.cause}`;
export const query: Schemas["AudienceQuery"] = { to: "*" };
export const disconnect: Schemas["Disconnect"] = { to: { "@user": "42" } };
export const labels: Schemas["Labels"] = { page: "home", tag: ["a", "b"] };
export const problem: Schemas["Problem"] = { title: "Bad Request", status: 400, kind: "invalid", detail: "…" };
export const changed: Schemas["Settings"] = { settings: {}, changed: [{ setting: "drain", in_force: "30s", in_file: "9s", live: true }], problem };
export const page: paths["/"]["get"]["responses"][200]["content"]["text/html"] = "<!DOCTYPE html>";

export async function backend(key: string): Promise<number> {
  OpenAPI.BASE = "http://localhost:9502";
  OpenAPI.TOKEN = key;
  const push: Push = { to: { page: ["home", "list"] }, message: "hello" };
  const pushed = (await PushService.push(push, "order-7-shipped")) as Pushed;
  await PushService.trigger("orderShipped", undefined, { order: "7" });
  const question: AudienceQuery = { to: "*", sample: 1 };
  const counted = await ConnectionsService.audience(question);
  const close: Disconnect = { to: "*", code: 4403 };
  await ConnectionsService.disconnect(close);
  await PagesService.tutorialGet("orderShipped", key, { order: "7" });
  const listed = await ConnectionsService.connections("*", undefined, 10);
  const near = await ConnectionsService.connections(undefined, undefined, 10, "203.0.113.0/24");
  const labels = await ConnectionsService.labels(undefined, "*", 10);
  console.log(near.matched, labels.keys?.[0]?.key, labels.keys?.[0]?.connections, (await ConnectionsService.labels("page")).values?.[0]?.value);
  const scenes = await ConnectionsService.scenes("page,order", undefined, 10);
  for (const scene of scenes.scenes) {
    console.log(scene.labels["page"], scene.matched, scene.at_most ?? scene.matched, scene.pushes_per_minute ?? "");
  }
  const stats = await MachineryService.stats("1h");
  console.log(stats.from, stats.series.pages.at(-1), stats.series.dropped?.at(-1) ?? 0, stats.by_node.map((n) => n.node));
  const self = await MachineryService.self();
  if (!self.scopes.includes("read") || self.within !== undefined || self.node?.version === "") {
    return 0;
  }
  return pushed.matched + counted.matched + listed.connections.length;
}
