import type { Database } from "bun:sqlite";
import { type ErrorCode, isStoreUnavailable, TaskflowError } from "../../src/domain/error.ts";
import { compileInput } from "../../src/domain/input.ts";
import { keptFirings, type PeriodicDefinition } from "../../src/domain/periodic.ts";
import { connect } from "../../src/storage/connection.ts";
import { migrate } from "../../src/storage/migrations.ts";
import { createLife, type Life } from "../simulation/life.ts";
import { FakeClock } from "../support/clock.ts";
import { aSubmission, FakeCatalog } from "../support/engine.ts";
import type { Fate } from "../support/faulty-store.ts";
import { faultsIn } from "../support/invariants.ts";
import type { Entry, Step, Story } from "./steps.ts";
import { everyMs } from "./steps.ts";
import { firstAfter, setUpWitness, Witness } from "./witness.ts";

const writes: ReadonlySet<PropertyKey> = new Set([
  ...["insert", "claim", "settle", "report", "promote", "cancel", "cancelWaiting", "recover", "prune", "probe"],
  ...["fire", "savePeriodic", "removePeriodic"],
]);
const refusals: ReadonlySet<string> = new Set([
  "store_unavailable",
  "queue_full",
  "unknown_handler",
  "validation_failed",
  "unknown_periodic_task",
  "periodic_task_declared",
] satisfies ErrorCode[]);

/** What becomes of the writes from the nth on. */
export interface Fault {
  readonly kind: "refused" | "lost";
  readonly from: number;
  readonly writes: number;
}

/** A server, its disk and its clock. The server dies and comes back; the rest stays. */
class World {
  readonly clock = new FakeClock();
  readonly catalog = new FakeCatalog();
  readonly db = emptyDatabase();
  readonly witness = new Witness(this.db);
  life: Life | null = null;
  writes = 0;
  fault: Fault | null = null;
  #ids = 0;

  async live(): Promise<void> {
    if (this.life !== null) return;
    const life = createLife({
      db: this.db,
      clock: this.clock,
      catalog: this.catalog,
      random: () => 0.5,
      newId: () => `t${++this.#ids}`,
      onAbort: "throw",
      fate: (verb) => this.#fateOf(verb),
      onWrite: () => this.witness.look(this.clock.now()),
      onBegin: () => undefined,
      depth: 2,
    });
    this.life = life;
    const started = life.engine.start().then(
      () => true,
      (error: unknown) => {
        if (!isStoreUnavailable(error)) throw error;
        return false;
      },
    );
    await this.clock.settle();
    if (!(await started)) this.crash();
  }

  crash(): void {
    this.life?.end();
    this.life = null;
  }

  async stop(): Promise<void> {
    const stopped = this.life?.engine.stop();
    for (let seconds = 0; seconds < 3; seconds++) await this.clock.advance(1_000);
    // A disk that is full keeps it; it is killed then.
    await Promise.race([stopped, this.clock.settle()]);
    this.crash();
  }

  ask(call: (life: Life) => Promise<unknown>): void {
    if (this.life === null) return;
    call(this.life).catch((error: unknown) => {
      const code = error instanceof TaskflowError ? error.code : String(error);
      this.witness.check(refusals.has(code), `refused by ${code}`);
    });
  }

  #fateOf(verb: PropertyKey): Fate {
    if (!writes.has(verb)) return "passes";
    const n = this.writes++;
    const { fault } = this;
    return fault !== null && n >= fault.from && n < fault.from + fault.writes ? fault.kind : "passes";
  }
}

/**
 * Plays a story to its end. Says how many writes to the store it took.
 * @throws when a nominal time was decided otherwise than once, too early, or against the entry's rules.
 */
export async function play(story: Story, fault: Fault | null = null): Promise<number> {
  const world = new World();
  try {
    world.fault = fault;
    for (const { steps, waitMs } of story) {
      await world.live();
      for (const step of steps) await take(step, world);
      await world.clock.advance(waitMs);
      require(world.witness.faults);
    }
    await comeToRest(world);
    require([...world.witness.faults, ...endFaults(world), ...faultsIn(world.db, "always")]);
    return world.writes;
  } finally {
    world.crash();
    await world.clock.settle();
  }
}

function require(faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(faults.slice(0, 10).join("\n"));
}

async function take(step: Step, world: World): Promise<void> {
  switch (step.do) {
    case "save":
      return world.ask(({ engine }) => engine.periodic.save(definitionOf(step.entry)));
    case "patch": {
      const { expression, ...others } = step.changes;
      const changes = { ...others, ...(expression === undefined ? {} : { cronExpression: expression }) };
      return world.ask(({ engine }) => engine.periodic.patch(step.name, changes));
    }
    case "trigger":
      return world.ask(({ engine }) => engine.periodic.trigger(step.name));
    case "remove":
      return world.ask(({ engine }) => engine.periodic.remove(step.name));
    case "declare":
      return world.ask(({ engine }) => engine.periodic.syncDeclared(step.entries.map(definitionOf)));
    case "end":
      for (const attempt of world.life?.runner.running ?? [])
        step.how === "fails" ? attempt.fail() : attempt.complete();
      return;
    case "fill":
      return world.ask(({ engine }) => engine.submit(Array.from({ length: 9 }, () => aSubmission({ maxRetries: 0 }))));
    case "jump":
      return jump(step.ms, world);
    case "fault":
      world.fault = { kind: step.kind, from: world.writes + step.skip, writes: step.writes };
      return;
    case "heal":
      world.fault = null;
      return;
    case "handler":
      return setHandler(step.state, world.catalog);
    case "crash":
      world.crash();
      return jump(step.downMs, world);
    case "stop":
      await world.stop();
      return jump(step.downMs, world);
    default:
      step satisfies never;
  }
}

function definitionOf({ name, expression, overlap, catchUp, enabled }: Entry): PeriodicDefinition {
  return {
    name,
    funcName: "echo",
    cronExpression: expression,
    timezone: "UTC",
    args: [],
    kwargs: { a: 1 },
    priority: null,
    maxRetries: null,
    timeoutMs: null,
    overlap,
    catchUp,
    enabled,
  };
}

async function jump(ms: number, world: World): Promise<void> {
  // What is under way was decided by the time before.
  await world.clock.settle();
  world.witness.look(world.clock.now());
  world.clock.jump(ms);
}

function setHandler(state: "ready" | "gone" | "refuses", catalog: FakeCatalog): void {
  const inputSchema = { type: "object", properties: { b: { type: "number" } }, required: ["b"] } as const;
  if (state === "gone") catalog.remove("echo");
  else if (state === "ready") catalog.define("echo");
  else catalog.define("echo", { inputSchema, bind: compileInput(inputSchema) });
}

/** The disk is well, the handler is there and completes: whatever is due has to be decided. */
async function comeToRest(world: World): Promise<void> {
  world.fault = null;
  setHandler("ready", world.catalog);
  await world.live();
  const overdue = world.db.prepare<{ name: string }, [number]>("SELECT name FROM periodic_tasks WHERE next_run <= ?");
  // A clock that was set, and a write that was lost, are noticed some seconds later; a full queue empties by the second.
  for (let round = 0; round < 10 || (round < 300 && overdue.get(world.clock.now()) !== null); round++) {
    for (const attempt of world.life?.runner.running ?? []) attempt.complete();
    await world.clock.advance(1_000);
  }
}

function endFaults({ db, clock, witness }: World): readonly string[] {
  const find = db.prepare<{ next: number | null; last: number | null; runs: number; enabled: number }, [string]>(
    "SELECT next_run AS next, last_run AS last, run_count AS runs, enabled FROM periodic_tasks WHERE name = ?",
  );
  const kept = db.prepare<{ outcome: string; times: string }, [string]>(
    "SELECT outcome, group_concat(nominal_at ORDER BY id) AS times FROM firings WHERE periodic_task = ? GROUP BY outcome",
  );
  for (const [name, life] of witness.lives) {
    const { entry, lines, fired, from, until } = life;
    if (entry.enabled === 1) witness.checkDecided(life, entry, from, clock.now());
    const expected = {
      next: entry.enabled === 1 ? firstAfter(Math.max(from, until), everyMs[entry.cron]) : null,
      last: fired.at(-1)?.nominalAt ?? null,
      runs: fired.length,
      enabled: entry.enabled,
    };
    const found = find.get(name);
    witness.check(
      Bun.deepEquals(found, expected),
      `${name}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`,
    );
    for (const { outcome, times } of kept.all(name)) {
      const last = lines.filter((line) => line.outcome === outcome).slice(-keptFirings);
      witness.check(
        times === last.map((line) => line.nominalAt).join(),
        `${name}: a history of other ${outcome} times`,
      );
    }
  }
  return witness.faults;
}

let database: Database | null = null;

/** The same one for all worlds, which come one after the other: to make it takes longer than to live in it. */
function emptyDatabase(): Database {
  if (database === null) {
    database = connect(":memory:");
    migrate(database);
    setUpWitness(database);
  }
  for (const table of ["tasks", "attempts", "logs", "counters", "periodic_tasks", "firings", "witness"]) {
    database.run(`DELETE FROM ${table}`);
  }
  return database;
}
