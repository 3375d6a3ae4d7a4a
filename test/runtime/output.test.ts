import { expect, test } from "bun:test";
import { shared, start } from "./harness.ts";

const basic = shared("basic");

test("console and ctx.log become lines of their levels, as console formats them", async () => {
  const { run } = await basic();
  const { lines, levels } = await run("prints");
  expect(lines.map((line, index) => [levels[index], line])).toEqual([
    ["info", "plain { a: [ 1, 2 ] }"],
    ["info", "info has 3"],
    ["warn", "warned"],
    ["error", "shown"],
    ["debug", "two"],
    ["debug", "lines"],
    ["debug", "ctx 1"],
    ["info", "ctx 2"],
    ["warn", "ctx 3"],
    ["error", "ctx 4"],
  ]);
});

test("the rest of console and the streams are captured too, each attempt for itself", async () => {
  const { run } = await basic();
  for (let time = 1; time <= 2; time++) {
    const { lines, levels } = await run("prints_more");
    const said = lines.map((line, index) => `${levels[index]} ${line}`);
    expect(said.slice(0, 4)).toEqual(["info head", "info   inside", "warn   warned inside", "info outside"]);
    expect(said.filter((line) => line.includes("│ (index) │ a │"))).toHaveLength(1);
    for (const line of [
      "info n: 1",
      "info n: 2",
      "info { a: [Object] }",
      "error Assertion failed: shown",
      "debug Trace: here",
      "info half a line",
      "error to stderr",
      "info left open",
      "info another",
    ]) {
      expect(said).toContain(line);
    }
    expect(said.filter((line) => line.startsWith("debug     at "))).toEqual([
      expect.stringMatching(/^debug {5}at (\S+ \()?prints_more\.ts:13:\d+\)?$/),
    ]);
    expect(said.join("\n")).not.toContain("not shown");
  }
});

test("what a file prints while it loads is nobody's", async () => {
  const { run } = await basic();
  expect((await run("prints_at_load")).lines).toEqual(["while it runs"]);
});

test("what a handler logs before it loops is heard while it loops", async () => {
  const { begin } = await start("misdeeds");
  const { attempt, lines, heard, ended } = await begin("loops");
  await heard(5);
  attempt.kill();
  await ended;
  expect(lines).toEqual(["line 1", "line 2", "line 3", "line 4", "line 5"]);
});

test("a log without end is cut, and says so", async () => {
  const { begin } = await start("misdeeds");
  const { attempt, lines, levels, heard, ended } = await begin("floods_and_loops");
  await heard(1_001);
  attempt.kill();
  await ended;
  expect(lines.length).toBe(1_001);
  expect(lines.at(-2)).toBe("line 1000");
  expect([levels.at(-1), lines.at(-1)]).toEqual(["warn", expect.stringContaining("was cut here")]);
});

test("attempts on one worker keep their lines apart", async () => {
  const { begin } = await start("basic", { concurrency: 8 });
  const started = await Promise.all(Array.from({ length: 8 }, () => begin("prints")));
  for (const { ended } of started) await ended;
  for (const { lines } of started) expect(lines).toHaveLength(10);
});
