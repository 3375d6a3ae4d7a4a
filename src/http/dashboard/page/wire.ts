import type { Static } from "@sinclair/typebox";
import type { EventType } from "../../../domain/event.ts";
import type { Status } from "../../../domain/task.ts";
import type { aboutSchema } from "../../about.ts";
import type { failuresSchema } from "../../failures.ts";
import type { historySchema } from "../../history.ts";
import type {
  attemptSchema,
  firingSchema,
  logLineSchema,
  periodicEntrySchema,
  periodicTaskSchema,
  taskSchema,
} from "../../schema.ts";
import type { handlerSchema, metricsSchema } from "../../system-details.ts";
import type { waitingSchema } from "../../task-details.ts";

export type Task = Omit<Static<typeof taskSchema>, "status"> & { readonly status: Status };
export type Attempt = Static<typeof attemptSchema>;
export type LogLine = Static<typeof logLineSchema>;
export type Handler = Static<typeof handlerSchema>;
export type Metrics = Static<typeof metricsSchema>;
export type PeriodicEntry = Static<typeof periodicEntrySchema>;
export type PeriodicTask = Static<typeof periodicTaskSchema>;
export type About = Static<typeof aboutSchema>;
export type Waiting = Static<typeof waitingSchema>;
export type History = Static<typeof historySchema>;
export type Failures = Static<typeof failuresSchema>;
export type Firing = Static<typeof firingSchema>;

/** What the WebSocket tells. */
export interface TaskEvent {
  readonly type: EventType;
  readonly task: Task;
  readonly timestamp: string;
  readonly seq: number;
  readonly log?: LogLine;
  readonly snapshot?: true;
}

export const priorityNames = ["critical", "high", "normal", "low"] as const;
