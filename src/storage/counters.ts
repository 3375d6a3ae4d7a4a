import type { Database } from "bun:sqlite";
import { type Status, statuses } from "../domain/task.ts";
import type { Counts } from "./store.ts";

const counterNames = [...statuses, "enqueued", "dequeued"] as const;
type CounterName = (typeof counterNames)[number];

/**
 * The counts, in memory and in the database. They change with the rows of the transaction under way and fall back with
 * them, so that nobody ever counts rows.
 */
export class Counters {
  readonly #current: Record<CounterName, number>;
  #committed: Readonly<Record<CounterName, number>>;
  readonly #save;
  readonly #touch;

  constructor(db: Database) {
    const rows = db.prepare<{ name: string; value: number }, []>("SELECT name, value FROM counters").all();
    const stored = new Map(rows.map(({ name, value }) => [name, value]));
    const at = (name: CounterName) => stored.get(name) ?? 0;
    this.#current = {
      pending: at("pending"),
      queued: at("queued"),
      running: at("running"),
      retrying: at("retrying"),
      completed: at("completed"),
      failed: at("failed"),
      cancelled: at("cancelled"),
      enqueued: at("enqueued"),
      dequeued: at("dequeued"),
    };
    this.#committed = { ...this.#current };
    this.#save = db.prepare<null, [string, number]>(
      "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    );
    this.#touch = db.prepare<null, []>(
      "INSERT INTO counters (name, value) VALUES ('probes', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1",
    );
  }

  add(name: CounterName, delta: number): void {
    this.#current[name] += delta;
  }

  /** One task went from one status to the other. */
  move(from: Status, to: Status): void {
    this.#current[from] -= 1;
    this.#current[to] += 1;
  }

  /** Tasks that wait, as the transaction under way sees it. */
  waiting(): number {
    return this.#current.pending + this.#current.queued + this.#current.retrying;
  }

  /** Writes what has changed, into the transaction under way. */
  save(): void {
    for (const name of counterNames) {
      if (this.#current[name] !== this.#committed[name]) this.#save.run(name, this.#current[name]);
    }
  }

  /** Writes a row that is of no other use, into the transaction under way. */
  touch(): void {
    this.#touch.run();
  }

  /** After the commit: what is now cannot fall back any more. */
  committed(): void {
    this.#committed = { ...this.#current };
  }

  /** After a rollback. */
  fallBack(): void {
    Object.assign(this.#current, this.#committed);
  }

  counts(): Counts {
    const { enqueued, dequeued, ...byStatus } = this.#committed;
    return { byStatus, enqueued, dequeued };
  }
}
