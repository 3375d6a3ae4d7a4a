import type { Database } from "bun:sqlite";
import { onTimeMs } from "../../src/domain/firing.ts";
import type { CatchUp, FiringOutcome, FiringReason, Overlap } from "../../src/domain/periodic.ts";
import { everyMs } from "./steps.ts";

/** One write to the tables, as the database itself wrote it down: past all of the code that is tested. */
type Row = { readonly n: number } & (
  | { readonly what: "entry"; readonly data: EntryRow }
  | { readonly what: "gone"; readonly data: { readonly name: string } }
  | { readonly what: "task"; readonly data: TaskRow }
  | { readonly what: "line"; readonly data: LineRow }
);
interface EntryRow {
  readonly name: string;
  readonly cron: keyof typeof everyMs;
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  readonly enabled: number;
}
interface TaskRow {
  readonly id: string;
  readonly name: string;
  readonly nominalAt: number;
  readonly lastRunAt: number | null;
  /** Unfinished tasks of the same entry at that moment, and those of them that nobody has told to end. */
  readonly others: number;
  readonly untold: number;
}
interface LineRow {
  readonly name: string;
  readonly outcome: FiringOutcome;
  readonly nominalAt: number;
  readonly decidedAt: number;
  readonly reason: FiringReason | null;
  readonly taskId: string | null;
  readonly since: number | null;
  readonly others: number;
}

const others = (name: string) => `
  (SELECT count(*) FROM tasks WHERE periodic_task = ${name} AND scheduled_for IS NOT NULL AND completed_at IS NULL)`;

const triggers = `
  CREATE TABLE witness (n INTEGER PRIMARY KEY, what TEXT, data TEXT);
  CREATE TRIGGER witness_entry AFTER INSERT ON periodic_tasks BEGIN
    INSERT INTO witness VALUES (NULL, 'entry', json_object('name', NEW.name, 'cron', NEW.cron_expression,
      'overlap', NEW.overlap, 'catchUp', NEW.catch_up, 'enabled', NEW.enabled));
  END;
  CREATE TRIGGER witness_gone AFTER DELETE ON periodic_tasks BEGIN
    INSERT INTO witness VALUES (NULL, 'gone', json_object('name', OLD.name));
  END;
  CREATE TRIGGER witness_task BEFORE INSERT ON tasks WHEN NEW.scheduled_for IS NOT NULL BEGIN
    INSERT INTO witness VALUES (NULL, 'task', json_object('id', NEW.id, 'name', NEW.periodic_task,
      'nominalAt', NEW.scheduled_for, 'lastRunAt', NEW.last_run_at, 'others', ${others("NEW.periodic_task")},
      'untold', (SELECT count(*) FROM tasks WHERE periodic_task = NEW.periodic_task AND scheduled_for IS NOT NULL AND
        completed_at IS NULL AND cancel_requested = 0)));
  END;
  CREATE TRIGGER witness_line AFTER INSERT ON firings BEGIN
    INSERT INTO witness VALUES (NULL, 'line', json_object('name', NEW.periodic_task, 'outcome', NEW.outcome,
      'nominalAt', NEW.nominal_at, 'decidedAt', NEW.decided_at, 'reason', NEW.reason, 'taskId', NEW.task_id,
      'since', NEW.since, 'others', ${others("NEW.periodic_task")}));
  END;`;

/** An entry from its creation to its removal, as the model has it. */
export interface Life {
  entry: EntryRow;
  before: EntryRow;
  /** Its times begin after this. */
  from: number;
  /** The latest decided. */
  until: number;
  readonly decided: Set<number>;
  readonly ranges: { readonly since: number; readonly until: number }[];
  readonly lines: LineRow[];
  readonly fired: TaskRow[];
}

export function setUpWitness(db: Database): void {
  db.run(triggers);
}

/** The plain model: it follows what was written, and says what must not have been. */
export class Witness {
  readonly faults: string[] = [];
  readonly lives = new Map<string, Life>();
  /** `name@nominalAt` of every task there ever was. */
  readonly #tasks = new Set<string>();
  readonly #rows;
  #seen = 0;

  constructor(db: Database) {
    this.#rows = db.prepare<{ n: number; what: string; data: string }, [number]>(
      "SELECT n, what, data FROM witness WHERE n > ? ORDER BY n",
    );
  }

  /** Looks at what was written since the last time, all of it at `now`. */
  look(now: number): void {
    const due: (() => void)[] = [];
    for (const row of this.#rows.all(this.#seen)) {
      this.#seen = row.n;
      this.#take({ ...row, data: JSON.parse(row.data) } as Row, now, due);
    }
    for (const check of due) check();
  }

  check(holds: boolean, what: string): void {
    if (!holds) this.faults.push(what);
  }

  /** Says which times of an entry up to `until` are neither fired nor in its history. */
  checkDecided(life: Life, { name, cron }: EntryRow, from: number, until: number): void {
    const step = everyMs[cron];
    for (let time = firstAfter(from, step); time <= until; time += step) {
      const range = life.ranges.find(({ since, until: end }) => since <= time && time <= end);
      if (range !== undefined) time = Math.max(time, range.until - (range.until % step));
      else if (!life.decided.has(time) && !this.#tasks.has(`${name}@${time}`)) {
        this.faults.push(`${name}: ${iso(time)} was never decided (${cron} from ${iso(from)} to ${iso(until)})`);
        return;
      }
    }
  }

  #take(row: Row, now: number, due: (() => void)[]): void {
    switch (row.what) {
      case "gone":
        this.lives.delete(row.data.name);
        return;
      case "entry":
        this.#said(row.data, now, due);
        return;
      case "task":
        this.#fired(row.data, now);
        return;
      case "line":
        this.#decided(row.data, now);
        return;
      default:
        row satisfies never;
    }
  }

  #said(entry: EntryRow, now: number, due: (() => void)[]): void {
    const life = this.lives.get(entry.name);
    if (life === undefined) {
      const empty = { decided: new Set<number>(), ranges: [], lines: [], fired: [] };
      this.lives.set(entry.name, { entry, before: entry, from: now, until: Number.NEGATIVE_INFINITY, ...empty });
      return;
    }
    const { entry: before, from } = life;
    life.before = before;
    life.entry = entry;
    if (before.enabled === 1 && entry.enabled === 1 && before.cron === entry.cron) return;
    if (before.enabled === 1) due.push(() => this.checkDecided(life, before, from, now));
    life.from = Math.max(now, life.until);
  }

  #fired(task: TaskRow, now: number): void {
    const { name, nominalAt, lastRunAt } = task;
    const where = `${name}: ${iso(nominalAt)} fired at ${iso(now)}`;
    this.check(!this.#tasks.has(`${name}@${nominalAt}`), `${where} twice`);
    this.#tasks.add(`${name}@${nominalAt}`);
    const life = this.lives.get(name);
    if (life === undefined) {
      this.faults.push(`${where} without an entry`);
      return;
    }
    this.#decide(life, life.entry, nominalAt, now, where);
    const last = life.fired.at(-1)?.nominalAt ?? null;
    this.check(lastRunAt === last, `${where} after ${lastRunAt}, not ${last}`);
    life.fired.push(task);
    const { overlap, catchUp, enabled, cron } = life.entry;
    this.check(enabled === 1, `${where} though it is paused`);
    if (catchUp !== "all") {
      this.check(overlap !== "skip" || task.others === 0, `${where} beside ${task.others} that are not final`);
      this.check(overlap !== "replace" || task.untold === 0, `${where}, and ${task.untold} were not replaced`);
    }
    if (now - nominalAt <= onTimeMs) return;
    const step = everyMs[cron];
    this.check(catchUp !== "none", `${where}, too late for the catch-up none`);
    this.check(catchUp !== "latest" || nominalAt + step > now, `${where}, which is not the latest`);
    this.check(catchUp !== "all" || nominalAt + 100 * step > now, `${where}, which is not among the latest 100`);
  }

  #decided(line: LineRow, now: number): void {
    const { name, nominalAt, outcome, reason } = line;
    const where = `${name}: ${iso(nominalAt)} ${outcome} (${reason}) at ${iso(now)}`;
    const life = this.lives.get(name);
    this.check(line.decidedAt <= now, `${where}: decided at ${line.decidedAt}`);
    if (life === undefined) {
      this.faults.push(`${where} without an entry`);
      return;
    }
    life.lines.push(line);
    if (outcome === "fired") {
      const task = life.fired.find(({ id }) => id === line.taskId);
      this.check(task?.nominalAt === nominalAt, `${where}: no task of that time`);
      this.check((reason === null) === now - nominalAt <= onTimeMs, `${where}: a wrong reason`);
      return;
    }
    this.#notFired(life, line, where, now);
  }

  #notFired(life: Life, line: LineRow, where: string, now: number): void {
    const { nominalAt, reason, since } = line;
    const hasChanged = reason === "changed" || reason === "paused";
    this.check(!this.#tasks.has(`${line.name}@${nominalAt}`) || life.decided.size === 0, `${where}: it has fired`);
    this.#decide(life, hasChanged ? life.before : life.entry, nominalAt, now, where);
    if (since !== null) life.ranges.push({ since, until: nominalAt });
    if (reason === "overlap") {
      this.check(life.entry.overlap === "skip", `${where}: overlap is ${life.entry.overlap}`);
      this.check(line.others > 0, `${where}: nothing is unfinished`);
    }
    if (reason !== "catch_up") return;
    this.check(now - nominalAt > onTimeMs, `${where}: it was in time`);
    const step = everyMs[life.entry.cron];
    const { catchUp } = life.entry;
    this.check(catchUp !== "latest" || nominalAt + step <= now, `${where}: it was the latest`);
    this.check(catchUp !== "all" || nominalAt + 100 * step <= now, `${where}: it was one of the latest 100`);
  }

  #decide(life: Life, { cron }: EntryRow, nominalAt: number, now: number, where: string): void {
    this.check(!life.decided.has(nominalAt), `${where}: decided before`);
    this.check(nominalAt <= now, `${where}: too early`);
    this.check(nominalAt % everyMs[cron] === 0, `${where}: no time of ${cron}`);
    const isChange = life.from === now;
    this.check(nominalAt > life.from || isChange, `${where}: before ${iso(life.from)}, when its times begin`);
    life.decided.add(nominalAt);
    life.until = Math.max(life.until, nominalAt);
  }
}

export function firstAfter(time: number, step: number): number {
  return time - (time % step) + step;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
