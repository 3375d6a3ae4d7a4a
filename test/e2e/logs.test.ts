import { expect, setDefaultTimeout, test } from "bun:test";
import { request } from "node:http";
import { type LogEntry, startServer } from "../support/server.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

test("SIGUSR2 turns debug on and off while the server runs; a request and its task are then named by its id", async () => {
  await using server = await startServer({ env: { TASKFLOW_LOG_LEVEL: "info" } });
  const submit = (id: string) =>
    fetch(`${server.url}/api/v1/tasks`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-request-id": id },
      body: '{"func_name": "hello_world"}',
    });
  await submit("before");
  server.signal("SIGUSR2");
  await server.entry(({ log_level }) => log_level === "debug");
  const answer = await submit("meanwhile");
  const { task_id } = (await answer.json()) as { task_id: string };
  const entriesOf = (id: string): readonly LogEntry[] => server.entries.filter(({ request_id }) => request_id === id);
  await server.entry(({ request_id, msg }) => request_id === "meanwhile" && msg === "request answered");
  server.signal("SIGUSR2");
  await server.entry(({ log_level }) => log_level === "info");
  await submit("after");
  server.signal("SIGTERM");
  expect(await server.exited).toBe(0);
  expect(entriesOf("meanwhile")).toMatchObject([
    { level: "debug", msg: "task queued", task_id },
    { level: "debug", msg: "request answered", method: "POST", path: "/api/v1/tasks", status: 201 },
  ]);
  expect([...entriesOf("before"), ...entriesOf("after")]).toEqual([]);
});

test("the handshake of a WebSocket is answered with the id of its request", async () => {
  await using server = await startServer();
  const handshake = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
  const headers = { ...handshake, "sec-websocket-key": btoa("sixteen letters."), "x-request-id": "seven" };
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; id: unknown }>();
  const client = request(`${server.url}/ws`, { headers });
  client.on("error", reject);
  client.on("upgrade", (answer, socket) => {
    resolve({ status: answer.statusCode, id: answer.headers["x-request-id"] });
    socket.destroy();
  });
  client.end();
  expect(await promise).toEqual({ status: 101, id: "seven" });
  await server.entry(({ request_id, status, path }) => request_id === "seven" && status === 101 && path === "/ws");
});
