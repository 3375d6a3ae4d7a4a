import { beforeEach, describe, expect, test } from "bun:test";
import type { TaskEvent } from "../../src/domain/event.ts";
import { jsonText, type LogLine, type Status } from "../../src/domain/task.ts";
import { createEventBus, type EventBus, historyLimits } from "../../src/engine/events.ts";
import { aTask } from "../support/tasks.ts";

let now: number;
let bus: EventBus;
let start: number;

const clock = { now: () => now, after: () => () => undefined };

beforeEach(() => {
  now = 1_700_000_000_000;
  bus = createEventBus(clock);
  start = bus.latest;
});

function recorded(on = bus): TaskEvent[] {
  const events: TaskEvent[] = [];
  on.listen((event) => events.push(event));
  return events;
}

const seqs = (events: readonly TaskEvent[] | null) => events?.map(({ seq }) => seq - start);
const line: LogLine = { at: 1, attempt: 1, level: "info", message: "hello" };

describe("telling", () => {
  test.each<[Status, TaskEvent["type"]]>([
    ["pending", "task_queued"],
    ["queued", "task_queued"],
    ["running", "task_started"],
    ["retrying", "task_retrying"],
    ["completed", "task_completed"],
    ["failed", "task_failed"],
    ["cancelled", "task_cancelled"],
  ])("a task that is now %s is told as %s", (status, type) => {
    const events = recorded();
    const task = aTask({ status });
    bus.changed(task);
    expect(events).toEqual([{ type, task, at: now, seq: start + 1, log: null }]);
  });

  test("progress and log lines are told as such, whatever the status", () => {
    const events = recorded();
    const task = aTask({ status: "running" });
    bus.progressed(task);
    now += 5;
    bus.logged(task, line);
    expect(events).toMatchObject([
      { type: "task_progress", at: now - 5, seq: start + 1, log: null },
      { type: "task_log", at: now, seq: start + 2, log: line },
    ]);
    expect(bus.latest).toBe(start + 2);
  });

  test("every listener hears every event, until it leaves", () => {
    const first = recorded();
    const second: TaskEvent[] = [];
    const leave = bus.listen((event) => second.push(event));
    bus.changed(aTask());
    leave();
    bus.changed(aTask());
    expect([seqs(first), seqs(second)]).toEqual([[1, 2], [1]]);
  });

  test("who joins while an event is told hears the next one first", () => {
    const late: TaskEvent[] = [];
    const leave = bus.listen(() => {
      leave();
      bus.listen((event) => late.push(event));
    });
    bus.changed(aTask());
    bus.changed(aTask());
    expect(seqs(late)).toEqual([2]);
  });

  test("an event that a listener causes comes after the one that it heard, for all", () => {
    const leave = bus.listen(({ task }) => {
      leave();
      bus.logged(task, line);
      bus.progressed(task);
    });
    const other = recorded();
    bus.changed(aTask());
    expect(other.map(({ type }) => type)).toEqual(["task_queued", "task_log", "task_progress"]);
    expect(seqs(other)).toEqual([1, 2, 3]);
  });

  test("a listener that throws does not stop what comes later", () => {
    const leave = bus.listen(() => {
      throw new Error("no");
    });
    expect(() => bus.changed(aTask())).toThrow("no");
    leave();
    const events = recorded();
    bus.changed(aTask());
    expect(seqs(events)).toEqual([2]);
  });
});

describe("the history", () => {
  test("it gives what came after a seq, oldest first", () => {
    for (let n = 0; n < 4; n++) bus.changed(aTask());
    expect(seqs(bus.since(start + 2))).toEqual([3, 4]);
    expect(seqs(bus.since(start))).toEqual([1, 2, 3, 4]);
    expect(bus.since(bus.latest)).toEqual([]);
  });

  test.each([
    ["before the start", () => start - 1],
    ["not come yet", () => bus.latest + 1],
    ["0", () => 0],
    ["negative", () => -1],
    ["a fraction", () => start + 0.5],
    ["no number", () => Number.NaN],
    ["endless", () => Number.POSITIVE_INFINITY],
  ])("a seq that is %s is not known", (_what, seq) => {
    bus.changed(aTask());
    expect(bus.since(seq())).toBeNull();
  });

  test("a new bus starts above all that an earlier process told, so that an old seq is not known to it", () => {
    for (let n = 0; n < 900; n++) bus.changed(aTask());
    now += 1;
    const next = createEventBus(clock);
    for (let n = 0; n < 2_000; n++) next.changed(aTask());
    expect(next.since(bus.latest)).toBeNull();
  });

  test("it holds as many events as it says, and no more", () => {
    for (let n = 0; n < historyLimits.events + 5; n++) bus.progressed(aTask());
    expect(bus.since(bus.latest - historyLimits.events)).toHaveLength(historyLimits.events);
    expect(bus.since(bus.latest - historyLimits.events - 1)).toBeNull();
  });

  const megabyte = "x".repeat(1024 * 1024);
  test.each([
    ["args", { args: jsonText([megabyte]) }],
    ["kwargs", { kwargs: jsonText({ megabyte }) }],
    ["a result", { result: jsonText(megabyte) }],
    ["an error", { error: megabyte }],
    ["a word on the progress", { progress: { fraction: 0, message: megabyte } }],
  ])("it is bounded in bytes when tasks have large %s", (_what, overrides) => {
    for (let n = 0; n < 40; n++) bus.changed(aTask(overrides));
    expect(bus.since(bus.latest - 15)).toHaveLength(15);
    expect(bus.since(bus.latest - 17)).toBeNull();
  });

  test("it is bounded in bytes when log lines are long", () => {
    for (let n = 0; n < 40; n++) bus.logged(aTask(), { ...line, message: megabyte });
    expect(bus.since(bus.latest - 15)).toHaveLength(15);
    expect(bus.since(bus.latest - 17)).toBeNull();
  });

  test("an event larger than all of it is told, and forgotten", () => {
    const events = recorded();
    bus.changed(aTask());
    bus.changed(aTask({ result: jsonText("x".repeat(historyLimits.bytes)) }));
    expect(seqs(events)).toEqual([1, 2]);
    expect(bus.since(bus.latest - 1)).toBeNull();
    expect(bus.since(bus.latest)).toEqual([]);
    bus.changed(aTask());
    expect(seqs(bus.since(bus.latest - 1))).toEqual([3]);
  });
});
