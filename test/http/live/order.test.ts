import { expect, test } from "bun:test";
import fc from "fast-check";
import type { TaskEvent } from "../../../src/domain/event.ts";
import { isFinal, type Task } from "../../../src/domain/task.ts";
import { LiveHub } from "../../../src/http/live/hub.ts";
import { createFakeEngine, type FakeEngine } from "../fake-engine.ts";
import { connect, type FakeClient, type Received, turn } from "./fake-socket.ts";

const kind = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("move" as const, "publish" as const) },
  { weight: 3, arbitrary: fc.constantFrom("read" as const, "answer" as const) },
  { weight: 2, arbitrary: fc.constantFrom("subscribe" as const, "unsubscribe" as const) },
  { weight: 1, arbitrary: fc.constantFrom("subscribe to nobody" as const, "submit" as const) },
);
const step = fc.record({ kind, of: fc.nat({ max: 2 }), choice: fc.nat({ max: 11 }) });
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

test("in whatever order things happen, no event is missed, doubled, out of order or older than what was shown", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80, size: "max" }), async (steps) => {
      const run = await play(steps);
      keepsTheOrder(run);
      hearsEverythingAtFirst(run);
      hearsItsTasksFromThenOn(run);
    }),
    { numRuns: 500 },
  );
});

interface Run {
  /** What was published, in its order. */
  readonly log: readonly TaskEvent[];
  /** What the client received, each with the latest `seq` published by then. */
  readonly received: readonly (Received & { readonly at: number })[];
  /** How much was published when the client first asked for what ends hearing everything, if it did. */
  readonly heardAtLeast: number | null;
}

/** Plays the steps against one connection, and then lets everything that waits come to its end. */
async function play(steps: readonly Step[]): Promise<Run> {
  const engine = createFakeEngine();
  const quiet = () => undefined;
  const hub = new LiveHub(engine, { log: { debug: quiet, info: quiet, warn: quiet, error: quiet } });
  const log: TaskEvent[] = [];
  engine.events.listen((event) => log.push(event));
  const world = createWorld(engine);
  const client = connect(hub);
  const received: Run["received"][number][] = [];
  let heardAtLeast: number | null = null;
  engine.beforeRead.close();
  engine.afterRead.close();

  async function settle(): Promise<void> {
    await turn();
    received.push(...client.received.slice(received.length).map((m) => ({ ...m, at: engine.events.latest })));
  }

  for (const one of steps) {
    if (/^(subscribe|submit)/.test(one.kind)) heardAtLeast ??= log.length;
    take(one, engine, world, client);
    await settle();
  }
  while (engine.beforeRead.waiting + engine.afterRead.waiting > 0) {
    engine.beforeRead.letOne();
    engine.afterRead.letOne();
    await settle();
  }
  while (world.publish()) await settle();
  return { log, received, heardAtLeast };
}

function take({ kind, of, choice }: Step, engine: FakeEngine, world: World, client: FakeClient): void {
  const actions = {
    move: () => world.move(of, choice),
    publish: () => world.publish(),
    read: () => engine.beforeRead.letOne(),
    answer: () => engine.afterRead.letOne(),
    subscribe: () => client.say({ type: "subscribe", task_id: world.idOf(of) }),
    unsubscribe: () => client.say({ type: "unsubscribe", task_id: world.idOf(of) }),
    "subscribe to nobody": () => client.say({ type: "subscribe", task_id: "nobody" }),
    submit: () => client.say({ type: "submit", func_name: "0" }),
  } satisfies Record<Step["kind"], () => void>;
  actions[kind]();
}

/** The tasks, the newest first. A task's name counts its changes, so that any two states of it can be told apart. */
interface World {
  idOf(index: number): string;
  /** Commits the next change of a task; it is not told before it is published. */
  move(index: number, choice: number): void;
  /** Tells the change that was committed first; false when none waits. */
  publish(): boolean;
}

function createWorld(engine: FakeEngine): World {
  const tasks = new Map<string, Task>();
  const unpublished: Task[] = [];
  for (let n = 0; n < 3; n++) add(engine.put({ funcName: "0" }));
  engine.onAccepted = add;

  function add(task: Task): void {
    tasks.set(task.id, task);
  }

  function nth(index: number): Task {
    const task = [...tasks.values()].at(-1 - index);
    if (task === undefined) throw new Error("there are three tasks at least");
    return task;
  }

  return {
    idOf: (index) => nth(index).id,
    move(index, choice) {
      const task = nth(index);
      const moves = movesFrom(task);
      const changes = moves[choice % moves.length];
      if (changes === undefined) return;
      const isReport = changes.status === undefined;
      // An attempt reports only once its start was told.
      if (isReport && unpublished.some(({ id }) => id === task.id)) return;
      const changed = engine.commit(task, { ...changes, funcName: String(Number(task.funcName) + 1) });
      tasks.set(task.id, changed);
      if (!isReport) unpublished.push(changed);
      else if (changes.progress !== undefined) engine.events.progressed(changed);
      else engine.log(task, "line");
    },
    publish() {
      const task = unpublished.shift();
      if (task !== undefined) engine.events.changed(task);
      return task !== undefined;
    },
  };
}

function movesFrom({ status, attempt, runAt, funcName }: Task): readonly Partial<Task>[] {
  if (isFinal(status)) return [];
  if (status === "running") {
    return [
      { progress: { fraction: 0.5, message: funcName } },
      {},
      { status: "retrying", runAt: runAt + 1 },
      { status: "queued" },
      { status: "completed" },
      { status: "failed" },
    ];
  }
  if (status === "queued") return [{ status: "running", attempt: attempt + 1 }, { status: "cancelled" }];
  return [{ status: "queued" }];
}

function keepsTheOrder({ received }: Run): void {
  const events = received.filter(isEvent).map(seqOf);
  expect(events).toEqual([...new Set(events)].toSorted((a, b) => a - b));
  const all = received.filter(({ seq }) => seq !== undefined).map(seqOf);
  expect(all).toEqual(all.toSorted((a, b) => a - b));
}

function hearsEverythingAtFirst({ log, received, heardAtLeast }: Run): void {
  const narrowed = received.findIndex(isNarrowing);
  const heard = received
    .slice(0, narrowed === -1 ? undefined : narrowed)
    .filter(isEvent)
    .map(seqOf);
  expect(heard).toEqual(log.slice(0, heard.length).map(({ seq }) => seq));
  expect(heard.length).toBeGreaterThanOrEqual(narrowed === -1 ? log.length : (heardAtLeast ?? log.length));
}

function hearsItsTasksFromThenOn({ log, received }: Run): void {
  const narrowed = received.findIndex(isNarrowing);
  if (narrowed === -1) return;
  const own = received.slice(narrowed);
  const expected = own.flatMap((message, place) => {
    const isAnswer = message.type === "submitted";
    if (!isAnswer && !message.snapshot) return [];
    const taskId = message.task?.task_id;
    const shown = isAnswer ? -1 : Number(message.task?.func_name);
    const next = own
      .slice(place + 1)
      .find((later) => later.task_id === taskId || (later.snapshot && idOf(later) === taskId));
    const end = next?.seq ?? next?.at ?? Number.POSITIVE_INFINITY;
    return log.filter(({ task, seq }) => task.id === taskId && Number(task.funcName) > shown && seq <= end);
  });
  const seqs = expected.map(({ seq }) => seq).toSorted((a, b) => a - b);
  expect(own.filter(isEvent).map(seqOf)).toEqual(seqs);
  for (const [place, { type, task_id }] of own.entries()) {
    if (type === "subscribed") expect(own[place + 1]).toMatchObject({ snapshot: true, task: { task_id } });
  }
}

function isNarrowing({ type }: Received): boolean {
  return type === "subscribed" || type === "submitted";
}

function isEvent({ seq, snapshot }: Received): boolean {
  return seq !== undefined && !snapshot;
}

function seqOf({ seq = Number.NaN }: Received): number {
  return seq;
}

function idOf({ task }: Received): string | undefined {
  return task?.task_id;
}
