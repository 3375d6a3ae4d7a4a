import { defaultBackoff } from "../../src/domain/retry.ts";
import { jsonText, type Task } from "../../src/domain/task.ts";
import { type Outcome, settle } from "../../src/domain/transition.ts";
import { aSubmission } from "../support/engine.ts";
import type { FakeAttempt } from "../support/runner.ts";
import { attemptKey } from "./model.ts";
import type { Asked, Ending, FaultKind, Step, Story } from "./steps.ts";
import { World } from "./world.ts";

/**
 * Plays a story from an empty database to the end of every task. Says how many writes to the store it took.
 * @param fault what becomes of the writes from the nth on, unless the story says otherwise.
 * @throws when an invariant does not hold any more, with all that do not.
 */
export async function play(story: Story, fault?: { readonly kind: FaultKind; readonly from: number }): Promise<number> {
  const world = new World(story);
  try {
    if (fault !== undefined) world.fail(fault.kind, fault.from, 1);
    for (const { steps, waitMs } of story.turns) {
      await world.live();
      for (const step of steps) await take(step, world);
      await world.clock.advance(waitMs);
      require(world.faults());
    }
    await letEverythingEnd(world);
    require(world.faults("atTheEnd"));
    require(await endFaults(world, story));
    return world.writes;
  } finally {
    await world.close();
  }
}

function require(faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(faults.join("\n"));
}

function take(step: Step, world: World): void | Promise<void> {
  switch (step.do) {
    case "submit":
      return submit([step.submission], world);
    case "batch":
      return submit(step.batch, world);
    case "cancel":
      return cancel(picked(world.model.acknowledged, step.pick), world);
    case "retry":
      return retry(picked(world.model.acknowledged, step.pick), world);
    case "clear":
      return world.ask(({ engine }) => engine.clearQueue(), ignore);
    case "end":
      return end(picked(world.life?.runner.running, step.pick), step.how, world);
    case "report":
      return report(picked(world.life?.runner.running, step.pick));
    case "displace":
      return displace(picked(world.life?.runner.running, step.pick), world);
    case "stale":
      return settleStale(picked([...world.model.started], step.pick), world);
    case "jump":
      return jump(step.ms, world);
    case "fault":
      return world.fail(step.kind, world.writes + step.skip, step.writes);
    case "heal":
      return world.heal();
    case "handler":
      return world.setHandler(step.state);
    case "stop":
      return world.stop();
    case "crash":
      return world.crash();
    default:
      step satisfies never;
  }
}

function ignore(): void {
  // Nothing was promised.
}

function picked<Item>(items: readonly Item[] | undefined, pick: number): Item | undefined {
  return items?.[pick % items.length];
}

function submit(asked: readonly Asked[], world: World): void {
  const now = world.clock.now();
  const submissions = asked.map((one) => aSubmission({ ...one }));
  world.ask(
    ({ engine }) => engine.submit(submissions),
    (tasks) => {
      world.model.check(tasks.length === asked.length, `${tasks.length} tasks for ${asked.length} submissions`);
      for (const [index, task] of tasks.entries()) world.accept(task, now + (asked[index]?.delayMs ?? 0));
    },
  );
}

function cancel(id: string | undefined, world: World): void {
  if (id === undefined) return;
  world.ask(
    ({ engine }) => engine.cancel(id),
    () => world.model.cancelled.add(id),
  );
}

function retry(id: string | undefined, world: World): void {
  const now = world.clock.now();
  if (id === undefined) return;
  world.ask(
    ({ engine }) => engine.retry(id),
    (task) => world.accept(task, now),
  );
}

function report(attempt: FakeAttempt | undefined): void {
  attempt?.log("here");
  attempt?.progress(0.5);
}

async function jump(ms: number, world: World): Promise<void> {
  // What is under way was decided by the time before.
  await world.clock.settle();
  world.look();
  world.clock.jump(ms);
}

function end(attempt: FakeAttempt | undefined, how: Ending, world: World): void {
  if (attempt === undefined) return;
  const { request } = attempt;
  const outcome = outcomeOf(how, request.lease);
  if (outcome.kind === "completed") world.model.completed.add(attemptKey(request.taskId, request.lease));
  if (outcome.kind === "interrupted") world.mayRunAgain(request);
  if (how === "loses its worker") displace(attempt, world);
  attempt.end(outcome);
}

/** Its worker does not come to those behind it: it is stuck, replaced or dead. */
function displace(attempt: FakeAttempt | undefined, { life }: World): void {
  if (attempt !== undefined) life?.runner.displace(attempt.worker);
}

function outcomeOf(how: Ending, lease: number): Outcome {
  const failed = { kind: "failed", errorKind: "handler", error: `Error: ${how}`, stack: null } as const;
  switch (how) {
    case "completes":
      return { kind: "completed", result: jsonText(lease) };
    case "fails":
      return failed;
    case "gives up":
      return { ...failed, errorKind: "permanent" };
    case "asks to wait":
      return { ...failed, retryAfterMs: 2_500 };
    case "is interrupted":
    case "loses its worker":
      return { kind: "interrupted", reason: how, workerDied: how === "loses its worker" };
    default:
      return how satisfies never;
  }
}

/** The result of an attempt that has lost its task comes late, as from a server or a worker taken for dead. */
async function settleStale(key: string | undefined, world: World): Promise<void> {
  if (key === undefined || world.life === null) return;
  const [id = "", lease] = key.split("#");
  const task = await world.life.store.find(id);
  if (task === null || (task.status === "running" && task.attempt === Number(lease))) return;
  const late: Task = { ...task, status: "running", attempt: Number(lease) };
  const outcome: Outcome = { kind: "failed", errorKind: "handler", error: "Error: stale", stack: null };
  const options = { now: world.clock.now(), worker: "stale", backoff: defaultBackoff, random: 0.5 };
  const settled = world.life.store.settle(id, Number(lease), settle(late, outcome, options));
  void settled.then((owned) => world.model.check(!owned, `${key}: a stale lease was settled`));
}

/** The disk is well, the handlers are there and complete: whatever was accepted has to end. */
async function letEverythingEnd(world: World): Promise<void> {
  world.heal();
  world.setHandler("ready");
  await world.live();
  const waiting = world.db.query<{ due: number | null; tasks: number }, []>(
    `SELECT max(run_at) FILTER (WHERE status IN ('pending', 'retrying')) AS due, count(*) AS tasks
     FROM tasks WHERE completed_at IS NULL`,
  );
  for (let round = 0; round < 90; round++) {
    for (const attempt of world.life?.runner.running ?? []) end(attempt, "completes", world);
    await world.clock.settle();
    const { due, tasks } = waiting.get() ?? { due: null, tasks: 0 };
    if (tasks === 0) {
      // What was written and reported as refused is yet to be found out.
      await world.clock.advance(3_000);
      return;
    }
    world.look();
    const farMs = (due ?? 0) - world.clock.now() - 1_000;
    if (farMs > 0) world.clock.jump(farMs);
    // A clock that was set is noticed after a minute.
    await world.clock.advance(farMs > 0 ? 61_000 : 1_000);
  }
}

/** What can only be said when all is over. */
async function endFaults(world: World, story: Story): Promise<readonly string[]> {
  const { model, audit, life, db } = world;
  if (life === null) return ["no server"];
  const faults: string[] = [];
  const check = (holds: boolean, what: string) => {
    if (!holds) faults.push(what);
  };
  const found = (await life.store.list({ limit: 10_000 })).tasks;
  model.compare(new Map(found.map((task) => [task.id, task])), audit.forgotten);
  check(world.unanswered === 0, `${world.unanswered} requests never answered`);

  const { counts } = await life.engine.metrics();
  check(counts.enqueued === audit.inserts, `${counts.enqueued} accepted, says the counter; it were ${audit.inserts}`);
  check(counts.dequeued === audit.claims, `${counts.dequeued} claimed, says the counter; it were ${audit.claims}`);

  const lines = db
    .query<{ key: string; outcome: string }, []>(
      "SELECT id || '#' || number AS key, outcome FROM attempts JOIN tasks ON seq = task_seq",
    )
    .all();
  for (const { key, outcome } of lines) {
    check(outcome !== "interrupted" || model.interruptible.has(key), `${key}: interrupted without a fault`);
  }
  const recorded = new Set(lines.map(({ key }) => key));
  for (const key of model.started) {
    const isForgotten = audit.forgotten.has(key.slice(0, key.indexOf("#")));
    check(recorded.has(key) || isForgotten, `${key}: ran, and left no line in the history`);
  }

  const isUndisturbed = story.turns.every(({ steps }) =>
    steps.every((step) => step.do !== "crash" && step.do !== "stop"),
  );
  for (const { id, status } of found) {
    const told = world.toldEnds.get(id) ?? 0;
    check(told <= 1, `${id}: told ${told} times that it is final`);
    if (isUndisturbed && status !== "cancelled") check(told === 1, `${id}: nobody was told that it is ${status}`);
  }
  return [...model.faults, ...faults];
}
