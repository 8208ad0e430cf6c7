// A launch core for pictures: what a title says happens. "Refused ..." is refused, "Unanswered ..." is never answered, anything else is made. It
// lists one launch that nobody paid for.
//
// core.mjs <port>
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

const made = new Map([["made-by-hand", { id: randomUUID() }]]);
const listed = ([key, { id }]) => ({ id, agent: "somebody", idempotency_key: key, created_at: new Date().toISOString(), deleted_at: null });
const fault = (code, message) => ({ error: { code, message } });
const platforms = ["twitter", "linkedin"];

function create(key, body) {
  const { title } = JSON.parse(body);
  if (title.startsWith("Unanswered")) return null;
  if (title.startsWith("Refused")) return [400, fault("LAUNCH_007", "the platform refuses this")];
  if (!made.has(key)) made.set(key, { id: randomUUID(), name: title, status: "draft", platforms, created_at: new Date().toISOString() });
  return [201, { data: made.get(key) }];
}

function answer(method, path, key, body) {
  const name = path.match(/^\/_core\/launches\/by-key\/(.+)$/)?.[1];
  if (path === "/_core/health") return [200, { data: { status: "ok" } }];
  if (path === "/_core/launches") return [200, { data: Array.from(made, listed), next: null }];
  if (name && made.has(name)) {
    const data = made.get(name);
    return [200, { data: { id: data.id, status: 201, content_type: "application/json", body: JSON.stringify({ data }) } }];
  }
  if (path === "/dropspace/status") {
    const connected = platforms.map((platform) => ({ platform, connected: true }));
    return [200, { data: { platforms: connected, connected_platforms: platforms, timestamp: new Date().toISOString() } }];
  }
  return method === "POST" && path === "/launches" ? create(key, body) : [404, fault("LAUNCH_001", "launch not found")];
}

createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  const said = answer(request.method, new URL(request.url, "http://core").pathname, request.headers["idempotency-key"], body);
  if (said) response.writeHead(said[0], { "content-type": "application/json" }).end(JSON.stringify(said[1]));
}).listen(Number(process.argv[2]), "127.0.0.1");
