import type { Attempt, LogLine, Task } from "../domain/task.ts";
import type { ListFilter, TaskPage } from "../storage/store.ts";
import type { EventBus } from "./events.ts";
import type { Health, Metrics } from "./metrics.ts";
import type { HandlerCatalog } from "./runner.ts";
import type { Submission } from "./submit.ts";

/** Everything one can do with tasks. Whatever refuses throws a TaskflowError. */
export interface Engine {
  readonly events: EventBus;
  readonly catalog: HandlerCatalog;
  /** Accepts all or none; resolves once they are durable. */
  submit(submissions: readonly Submission[]): Promise<readonly Task[]>;
  /** Cancels what waits at once; what runs is told to stop, and `task` still runs. */
  cancel(taskId: string): Promise<Task>;
  /** Submits the same input again. */
  retry(taskId: string): Promise<Task>;
  find(taskId: string): Promise<Task>;
  list(filter: ListFilter): Promise<TaskPage>;
  /** Every attempt, the running one last. */
  attempts(taskId: string): Promise<readonly Attempt[]>;
  logs(taskId: string): Promise<readonly LogLine[]>;
  /** Cancels all that waits; says how many. */
  clearQueue(): Promise<number>;
  metrics(): Promise<Metrics>;
  health(): Promise<Health>;
}
