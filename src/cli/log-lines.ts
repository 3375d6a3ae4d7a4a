import type { WireLogLine } from "./wire.ts";

/**
 * Tells each line of a log once, though it is heard of twice: as it comes, and in the list of all there are. Lines that are
 * the same in everything are told apart by their number only.
 */
export class LogLines {
  readonly #tell: (line: WireLogLine) => void;
  readonly #told = new Map<string, number>();
  readonly #heard = new Map<string, number>();

  constructor(tell: (line: WireLogLine) => void) {
    this.#tell = tell;
  }

  /** A line came by itself. */
  heard(line: WireLogLine): void {
    if (count(this.#heard, line) > (this.#told.get(keyOf(line)) ?? 0)) this.#say(line);
  }

  /** These are all the lines up to now. */
  known(lines: readonly WireLogLine[]): void {
    const seen = new Map<string, number>();
    for (const line of lines) {
      if (count(seen, line) > (this.#told.get(keyOf(line)) ?? 0)) this.#say(line);
    }
  }

  #say(line: WireLogLine): void {
    count(this.#told, line);
    this.#tell(line);
  }
}

/** Counts a line and says how many there are like it. */
function count(counts: Map<string, number>, line: WireLogLine): number {
  const number = (counts.get(keyOf(line)) ?? 0) + 1;
  counts.set(keyOf(line), number);
  return number;
}

function keyOf({ time, attempt, level, message }: WireLogLine): string {
  return `${time} ${attempt} ${level} ${message}`;
}
