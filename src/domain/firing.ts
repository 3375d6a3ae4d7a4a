import type { Cron } from "./cron.ts";
import { type Decision, type FiringPlan, keptFirings, type PeriodicTask } from "./periodic.ts";
import type { Task } from "./task.ts";

/** A nominal time this far back still counts as now: it fires, whatever the catch-up. Above it, it was missed. */
export const onTimeMs = 10_000;

/** Tasks that the catch-up `all` creates at most: those of the latest times. */
export const mostCaughtUp = 100;

/** The nominal times of an entry that have come and are not decided. */
export interface DueTimes {
  /** Newest first, no more than a catch-up and its history can use. */
  readonly times: readonly number[];
  /** Whether there are older ones still. */
  readonly more: boolean;
}

/** Goes from now backwards, so that three weeks of seconds cost no more than a minute of them. */
export function dueTimes(nextRun: number, cron: Cron, now: number): DueTimes {
  const times: number[] = [];
  const most = Math.max(mostCaughtUp, keptFirings) + 1;
  let time = cron.previous(now + 1);
  for (; time !== null && time >= nextRun && times.length < most; time = cron.previous(time)) times.push(time);
  return { times, more: time !== null && time >= nextRun };
}

/** The tasks that firings of an entry create, or why its input makes none. */
export type TaskSource = { readonly taskAt: (nominalAt: number) => Task } | { readonly refusal: string };

/** What is to become of all that is due of `entry`, whose next time `nextRun` has come. */
export function planFirings(
  entry: PeriodicTask,
  nextRun: number,
  cron: Cron,
  now: number,
  tasks: TaskSource,
): FiringPlan {
  const due = dueTimes(nextRun, cron, now);
  const firing = timesToFire(entry, due.times, now);
  const missed = missedOf(nextRun, { ...due, times: due.times.slice(firing.length) }, "catch_up");
  // All that were missed are wanted, side by side if need be: an overlap would leave one of them.
  const overlap = entry.catchUp === "all" && firing.some((time) => !isOnTime(time, now)) ? "allow" : entry.overlap;
  const fired = firing.toReversed().map((nominalAt): Decision => {
    if ("refusal" in tasks) return { kind: "skip", nominalAt, reason: "invalid_input", detail: tasks.refusal };
    const reason = isOnTime(nominalAt, now) ? null : "catch_up";
    return { kind: "fire", nominalAt, overlap, reason, task: tasks.taskAt(nominalAt) };
  });
  return {
    name: entry.name,
    revision: entry.revision,
    nextRun,
    decisions: [...missed, ...fired],
    followingRun: cron.next(now),
  };
}

/** What goes by of `before` undecided when its next time is no more: its history says so. */
export function passedOver(
  nextRun: number,
  cron: Cron,
  now: number,
  reason: "changed" | "paused",
): readonly Decision[] {
  return missedOf(nextRun, dueTimes(nextRun, cron, now), reason);
}

function isOnTime(nominalAt: number, now: number): boolean {
  return now - nominalAt <= onTimeMs;
}

/** Newest first: the first of `times`, which are so too. */
function timesToFire({ catchUp }: PeriodicTask, times: readonly number[], now: number): readonly number[] {
  const onTime = times.filter((time) => isOnTime(time, now));
  switch (catchUp) {
    case "none":
      return onTime;
    case "latest":
      return onTime.length > 0 ? onTime : times.slice(0, 1);
    case "all":
      return times.slice(0, mostCaughtUp);
    default:
      return catchUp satisfies never;
  }
}

function missedOf(nextRun: number, { times, more }: DueTimes, reason: "catch_up" | "changed" | "paused"): Decision[] {
  return times
    .map((nominalAt, index): Decision => {
      const isLast = index === times.length - 1;
      return { kind: "miss", nominalAt, reason, since: more && isLast ? nextRun : null };
    })
    .toReversed();
}
