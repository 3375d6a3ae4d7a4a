import { unknownTask } from "../domain/error.ts";
import type { Attempt, LogLine, Task } from "../domain/task.ts";
import type { Counts, ListFilter, Store, TaskPage } from "../storage/store.ts";
import { type AttemptParts, createAttempts } from "./attempt.ts";
import { type BulkResult, bulk, cancellable, type Estimate, estimate, retryable, type Selection } from "./bulk.ts";
import { cancel, clearQueue } from "./cancel.ts";
import { createDispatcher } from "./dispatcher.ts";
import { createEventBus, type EventBus } from "./events.ts";
import { type Failures, groupFailures } from "./failures.ts";
import { createFiring } from "./firing.ts";
import { createHistory, createObservation, type HistorySpan } from "./history.ts";
import { createMaintenance } from "./maintenance.ts";
import { createMeter, type Health, type Measures, type Metrics } from "./metrics.ts";
import { createPace, type Pace } from "./pace.ts";
import { createPeriodic, type PeriodicTasks } from "./periodic.ts";
import { recover } from "./recover.ts";
import type { HandlerCatalog, Runner } from "./runner.ts";
import { createScheduler } from "./scheduler.ts";
import { createStoreFault } from "./store-fault.ts";
import { type Origin, resubmission, type Submission, submit } from "./submit.ts";
import { type Tracer, untraced } from "./tracer.ts";
import { type Waiting, waitingOf } from "./waiting.ts";

export type { ListFilter, TaskFilter } from "../storage/store.ts";

/** Everything one can do with tasks. Whatever refuses throws a TaskflowError. */
export interface Engine {
  readonly events: EventBus;
  readonly catalog: HandlerCatalog;
  readonly periodic: PeriodicTasks;
  /** Accepts all or none; resolves once they are durable. */
  submit(submissions: readonly Submission[]): Promise<readonly Task[]>;
  /** Cancels what waits at once; what runs is told to end, and the task returned still runs. */
  cancel(taskId: string): Promise<Task>;
  /** Submits the same input again. */
  retry(taskId: string, origin?: Origin): Promise<Task>;
  /** Cancels, or retries, each of many; a call ends after some 10,000 and says where to go on. */
  readonly bulk: BulkVerbs;
  find(taskId: string): Promise<Task>;
  list(filter: ListFilter): Promise<TaskPage>;
  /** Every attempt, the running one last. */
  attempts(taskId: string): Promise<readonly Attempt[]>;
  logs(taskId: string): Promise<readonly LogLine[]>;
  /** The task, and why it waits if it does. */
  waiting(taskId: string): Promise<{ readonly task: Task; readonly waiting: Waiting | null }>;
  /** Cancels all that waits; says how many. */
  clearQueue(): Promise<number>;
  metrics(): Promise<Metrics>;
  measures(): Promise<Measures>;
  /** The last minutes, up to 180, of all handlers or of one. */
  history(minutes: number, funcName?: string): HistorySpan;
  /** What failed in the last `hours`, by what went wrong. */
  failures(hours: number): Promise<Failures>;
  health(): Health;
  /** Recovers what an earlier process left behind and begins to dispatch. */
  start(): Promise<void>;
  /** Claims nothing more, gives running attempts the shutdown grace and interrupts what is left. */
  stop(): Promise<void>;
}

export interface BulkVerbs {
  cancel(selection: Selection): Promise<BulkResult>;
  retry(selection: Selection, origin?: Origin): Promise<BulkResult>;
  /** How many tasks that would be about. */
  estimate(action: "cancel" | "retry", selection: Selection): Promise<Estimate>;
}

export interface EngineParts
  extends Omit<AttemptParts, "storeFault" | "events" | "meter" | "pace" | "tracer" | "onSettled"> {
  readonly store: Store;
  readonly runner: Runner;
  /** A new UUIDv7. */
  readonly newId: () => string;
  /** None draws no traces. */
  readonly tracer?: Tracer;
  /** By what has run, unless given. */
  readonly pace?: Pace;
}

export function createEngine(given: EngineParts): Engine {
  const { store, runner, catalog, clock, log } = given;
  const events = createEventBus(clock);
  const history = createHistory(clock);
  const meter = createMeter(history);
  const storeFault = createStoreFault(store, clock);
  const { pace = createPace(catalog), tracer = untraced } = given;
  const parts = { ...given, events, meter, storeFault, pace, tracer };

  const attempts = createAttempts({ ...parts, onSettled: followUp });
  const dispatcher = createDispatcher({ ...parts, begin: attempts.begin, reclaim: attempts.reclaim });
  const scheduler = createScheduler({ ...parts, onQueued: dispatcher.workQueued });
  const maintenance = createMaintenance(parts);
  const observation = createObservation(history, parts);
  const submitParts = { ...parts, onSubmitted: (tasks: readonly Task[]) => tasks.forEach(followUp) };
  const cancelParts = { ...parts, endAttempt: attempts.cancel, arrived };
  const firing = createFiring({
    ...parts,
    onQueued: dispatcher.workQueued,
    cancel: (taskId) => cancel(taskId, cancelParts),
  });
  const periodic = createPeriodic({ ...parts, onChanged: () => firing.expect(clock.now()), submit: submitOne });
  let draining = false;

  const waitingParts = { ...parts, isStopping: () => draining, missingSince: attempts.missingSince };

  /** A task waits: whoever moves it on must know. */
  function followUp(task: Task): void {
    if (task.status === "queued") dispatcher.workQueued();
    if (task.status === "pending" || task.status === "retrying") scheduler.expect(task.runAt);
  }

  async function submitOne(submission: Submission): Promise<Task> {
    const [task] = await submit([submission], submitParts);
    if (task === undefined) throw new Error("submitting one task gave none");
    return task;
  }

  async function retry(taskId: string, origin?: Origin): Promise<Task> {
    return submitOne(resubmission(await find(taskId), origin));
  }

  /** One line of the log is enough for them all. */
  const quiet = {
    ...cancelParts,
    log: { ...log, info: (fields: object, message: string) => log.debug(fields, message) },
  };
  const cancels = {
    statuses: cancellable,
    run: (taskId: string) => cancel(taskId, quiet),
    message: "tasks cancelled at once",
  };
  const retries = (origin?: Origin) => ({
    statuses: retryable,
    run: (taskId: string) => retry(taskId, origin),
    message: "tasks retried at once",
  });

  async function arrived(taskId: string): Promise<void> {
    await dispatcher.claimed();
    await attempts.settled(taskId);
  }

  async function find(taskId: string): Promise<Task> {
    const task = attempts.find(taskId)?.task ?? (await store.find(taskId));
    if (task === null) throw unknownTask(taskId);
    return task;
  }

  function figures(counts: Counts): Omit<Metrics, "handlers"> {
    return {
      counts,
      discarded: meter.discardedCount + runner.lateResults(),
      kills: { ...meter.kills },
      slots: runner.slots,
      workers: runner.workers(),
      now: clock.now(),
    };
  }

  return {
    events,
    catalog,
    periodic: periodic.verbs,
    find,
    submit: (submissions) => submit(submissions, submitParts),
    cancel: (taskId) => cancel(taskId, cancelParts),
    retry,
    bulk: {
      cancel: (selection) => bulk(selection, cancels, parts),
      retry: (selection, origin) => bulk(selection, retries(origin), parts),
      estimate: (action, selection) => estimate(selection, action === "cancel" ? cancels : retries(), store),
    },
    list: (filter) => store.list(filter),
    async attempts(taskId) {
      await find(taskId);
      const ended = await store.attempts(taskId);
      const running = attempts.find(taskId);
      return running?.attempt == null ? ended : [...ended, running.attempt];
    },
    async logs(taskId) {
      await find(taskId);
      return store.logs(taskId);
    },
    async waiting(taskId) {
      const task = await find(taskId);
      return { task, waiting: await waitingOf(task, waitingParts) };
    },
    clearQueue: () => clearQueue(cancelParts),
    metrics: async () => ({ ...figures(await store.counts()), handlers: meter.handlers() }),
    async measures() {
      const [counts, stats] = await Promise.all([store.counts(), store.stats()]);
      return { ...figures(counts), store: stats, handlers: meter.measures };
    },
    history: history.span,
    failures: (hours) => groupFailures(clock.now() - hours * 3_600_000, store),
    health() {
      if (draining) return { status: "draining", reason: "the server is stopping" };
      const reason = storeFault.current() ?? runner.fault();
      return reason === null ? { status: "healthy", reason } : { status: "unhealthy", reason };
    },
    async start() {
      const recovered = await recover(parts);
      if (recovered > 0) log.warn({ tasks: recovered }, "tasks that ran at the last stop are queued again");
      runner.onFree(dispatcher.slotFreed);
      scheduler.start();
      firing.start();
      maintenance.start();
      observation.start();
      dispatcher.start();
    },
    async stop() {
      draining = true;
      periodic.stop();
      observation.stop();
      await Promise.all([dispatcher.stop(), scheduler.stop(), firing.stop(), maintenance.stop()]);
      await attempts.drain();
    },
  };
}
