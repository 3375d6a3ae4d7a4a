import { expect, test } from "bun:test";
import { dialWire, requestText } from "../e2e/wire.ts";
import { testApp } from "../support/app.ts";

const json = { "content-type": "application/json" };

test("an error in answering an error shows nothing of the code", async () => {
  const { engine, listen } = await testApp();
  engine.find = () => Promise.reject(new Error("secret"));
  await using server = listen();
  // The log of a test that expects no defects throws, while the app answers one.
  const response = await fetch(`${server.url}/api/v1/tasks/x`);
  const text = await response.text();
  expect([response.status, response.headers.get("content-type")]).toEqual([500, "application/problem+json"]);
  expect(JSON.parse(text)).toMatchObject({ code: "internal", status: 500 });
  expect(text).not.toMatch(/secret|request failed|app\.ts|\bat /);
});

test("a body that trickles or stops is cut off in the end, and nothing is submitted", async () => {
  const { engine, listen } = await testApp();
  await using server = listen({ idleTimeout: 4 });
  const [trickling, chunked, halted] = await Promise.all([1, 2, 3].map(() => dialWire(server.url)));
  trickling?.send(`${requestText("POST /api/v1/tasks", { ...json, "content-length": "100000" })}{`);
  chunked?.send(requestText("POST /api/v1/tasks", { ...json, "transfer-encoding": "chunked" }));
  halted?.send(`${requestText("POST /api/v1/tasks", { ...json, "content-length": "100000" })}{"func_name"`);
  const trickle = setInterval(() => {
    trickling?.send(" ");
    chunked?.send("1\r\n \r\n");
  }, 500);
  await Promise.all([trickling, chunked, halted].map((wire) => wire?.closed));
  clearInterval(trickle);
  expect((await engine.metrics()).counts.enqueued).toBe(0);
}, 60_000);
