import type { Clock } from "../../src/domain/clock.ts";
import { TaskflowError, unknownTask } from "../../src/domain/error.ts";
import { isFinal, jsonText, type LogLine, type Task } from "../../src/domain/task.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { createEventBus } from "../../src/engine/events.ts";
import type { Submission } from "../../src/engine/submit.ts";
import { aTask } from "../support/tasks.ts";

/** Where a call can be made to wait: before it looks at the tasks, or with its answer in hand. */
export interface Gate {
  /** From now on whoever comes waits. */
  close(): void;
  /** Lets the one that came first go on. */
  letOne(): void;
  /** Lets all go on, and whoever comes later. */
  open(): void;
  readonly waiting: number;
  pass(): Promise<void>;
}

/** An engine that runs nothing: tests move its tasks, and decide when a change is seen and when it is told. */
export interface FakeEngine extends Engine {
  readonly beforeRead: Gate;
  readonly afterRead: Gate;
  readonly clock: Clock & { advance(ms: number): void };
  /** Submissions that came. */
  readonly submissions: readonly Submission[];
  /** Called when a submission is durable and told, before whoever submitted hears of it. */
  onAccepted: (task: Task) => void;
  /** The next call is refused with this. */
  failNext(error: unknown): void;
  /** A task that is there and of which nothing was told. */
  put(overrides?: Partial<Task>): Task;
  /** Changes a task in the store alone, as between a commit and its event. */
  commit(task: Named, changes: Partial<Task>): Task;
  /** Changes a task and tells of it. */
  change(task: Named, changes: Partial<Task>): Task;
  progress(task: Named, fraction: number): Task;
  log(task: Named, message: string): void;
}

type Named = Pick<Task, "id">;

export function createFakeEngine(): FakeEngine {
  let now = 1_700_000_000_000;
  const clock = {
    now: () => now,
    after: () => absent("timers"),
    advance(ms: number) {
      now += ms;
    },
  };
  const events = createEventBus(clock);
  const tasks = new Map<string, Task>();
  const submissions: Submission[] = [];
  const beforeRead = createGate();
  const afterRead = createGate();
  let failures: unknown[] = [];

  async function through<T>(read: () => T): Promise<T> {
    await beforeRead.pass();
    const [failure] = failures;
    failures = [];
    if (failure !== undefined) throw failure;
    const value = read();
    await afterRead.pass();
    return value;
  }

  function look(taskId: string): Task {
    const task = tasks.get(taskId);
    if (task === undefined) throw unknownTask(taskId);
    return task;
  }

  const engine: FakeEngine = {
    events,
    catalog: { find: () => null, list: () => [], generation: 0, changedIn: () => 0 },
    beforeRead,
    afterRead,
    clock,
    submissions,
    onAccepted: () => undefined,
    failNext(error) {
      failures = [error];
    },
    find: (taskId) => through(() => look(taskId)),
    async submit(given) {
      submissions.push(...given);
      return through(() =>
        given.map((submission) => {
          const { funcName, args, kwargs } = submission;
          const task = engine.put({ funcName, args: jsonText(args), kwargs: jsonText(kwargs) });
          events.changed(task);
          engine.onAccepted(task);
          return task;
        }),
      );
    },
    cancel: (taskId) =>
      through(() => {
        const task = look(taskId);
        if (isFinal(task.status)) throw new TaskflowError("task_final", `The task is ${task.status} already.`);
        if (task.status === "running") return engine.commit(task, { cancelRequested: true });
        return engine.change(task, { status: "cancelled", completedAt: now });
      }),
    put(overrides) {
      const task = aTask(overrides);
      tasks.set(task.id, task);
      return task;
    },
    commit({ id }, changes) {
      const changed = { ...look(id), ...changes };
      tasks.set(id, changed);
      return changed;
    },
    change(task, changes) {
      const changed = engine.commit(task, changes);
      events.changed(changed);
      return changed;
    },
    progress(task, fraction) {
      const changed = engine.commit(task, { progress: { fraction, message: null } });
      events.progressed(changed);
      return changed;
    },
    log({ id }, message) {
      const line: LogLine = { at: now, attempt: 1, level: "info", message };
      events.logged(look(id), line);
    },
    get periodic() {
      return absent("periodic tasks");
    },
    retry: () => absent("retry"),
    bulk: {
      cancel: () => absent("bulk"),
      retry: () => absent("bulk"),
      estimate: () => absent("bulk"),
    },
    list: () => absent("list"),
    attempts: () => absent("attempts"),
    logs: () => absent("logs"),
    clearQueue: () => absent("clearQueue"),
    metrics: () => absent("metrics"),
    measures: () => absent("measures"),
    waiting: () => absent("waiting"),
    history: () => absent("history"),
    failures: () => absent("failures"),
    health: () => absent("health"),
    start: () => absent("start"),
    stop: () => absent("stop"),
  };
  return engine;
}

/** A claim: the changes that make a task run its next attempt. */
export function running(attempt = 1): Partial<Task> {
  return { status: "running", attempt, startedAt: 2_000 };
}

export const completed: Partial<Task> = { status: "completed", completedAt: 3_000, result: jsonText(8) };

function createGate(): Gate {
  const queue: (() => void)[] = [];
  let closed = false;
  return {
    close() {
      closed = true;
    },
    letOne: () => queue.shift()?.(),
    open() {
      closed = false;
      for (const go of queue.splice(0)) go();
    },
    get waiting() {
      return queue.length;
    },
    async pass() {
      if (closed) await new Promise<void>((go) => queue.push(go));
    },
  };
}

function absent(what: string): never {
  throw new Error(`the fake engine has no ${what}`);
}
