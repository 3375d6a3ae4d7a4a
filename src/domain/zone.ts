/** An IANA time zone as the relation of two scales: instants, and what a clock on the wall there reads. */
export interface Zone {
  /** The name as IANA writes it, whatever the case it was asked for in. */
  readonly name: string;
  /**
   * The first instant at which the zone's clock reads `wall` or later. Of a wall time that occurs twice it is the first
   * occurrence; of one that a jump of the clock leaves out it is the instant of the jump.
   */
  firstInstant(wall: number): number;
  /** The latest wall time that the zone's clock has read by `instant`: more than it reads now while it repeats an hour. */
  latestWall(instant: number): number;
  /** Whether the zone's clock, set back, reads later once more what it reads at `instant`. */
  readsAgain(instant: number): boolean;
}

/**
 * The zone of this name, or null when the platform knows none. Instants are milliseconds since the epoch; a wall time is
 * the instant at which a clock in UTC reads the same.
 */
export function findZone(name: string): Zone | null {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const format = formatter(name);
  if (format === null) return null;
  // Kept under IANA's spelling only, so that what clients write cannot grow it.
  const { timeZone } = format.resolvedOptions();
  const zone = zones.get(timeZone) ?? makeZone(timeZone, format);
  zones.set(timeZone, zone);
  return zone;
}

/** From `at` on the zone's clock is `offset` milliseconds ahead of UTC, until the next change. */
interface Change {
  readonly at: number;
  readonly offset: number;
}

const zones = new Map<string, Zone>();

const second = 1_000;
const day = 86_400_000;
/** Changes are looked for in chunks of so many days, which are kept. */
const chunkMs = 32 * day;
const mostChunks = 200;
/** No clock has ever been set further from UTC, nor by more at once. */
const furthest = day;

function makeZone(name: string, format: Intl.DateTimeFormat): Zone {
  const offsetAt = (instant: number) => readWall(format, instant) - instant;
  const chunks = new Map<number, readonly Change[]>();

  function chunk(number: number): readonly Change[] {
    const known = chunks.get(number);
    if (known !== undefined) return known;
    const found = findChanges(offsetAt, number * chunkMs);
    if (chunks.size >= mostChunks) chunks.clear();
    chunks.set(number, found);
    return found;
  }

  /** The offset at `from`, and each later one up to `to`. */
  function changes(from: number, to: number): Change[] {
    const found: Change[] = [];
    for (let number = Math.floor(from / chunkMs); number * chunkMs <= to; number++) {
      for (const change of chunk(number)) {
        if (change.at <= from) found.length = 0;
        if (change.at <= to) found.push(change);
      }
    }
    return found;
  }

  return {
    name,
    firstInstant(wall) {
      const spans = changes(wall - furthest, wall + furthest);
      for (const [index, { at, offset }] of spans.entries()) {
        const reached = index === 0 ? wall - offset : Math.max(wall - offset, at);
        if (reached < (spans[index + 1]?.at ?? Number.POSITIVE_INFINITY)) return reached;
      }
      throw new Error(`no instant of the wall time ${wall}`);
    },
    latestWall(instant) {
      let latest = Number.NEGATIVE_INFINITY;
      let previous: number | null = null;
      for (const { at, offset } of changes(instant - furthest, instant)) {
        // Just before a change the clock read up to a millisecond less than this.
        if (previous !== null) latest = Math.max(latest, at + previous - 1);
        previous = offset;
      }
      return Math.max(latest, instant + (previous ?? 0));
    },
    readsAgain(instant) {
      const [now, ...later] = changes(instant, instant + furthest);
      // The change sets the clock to what it reads now or earlier, and it has not read so before.
      return now !== undefined && later.some(({ at, offset }) => at + offset <= instant + now.offset);
    },
  };
}

/** The offset at the chunk's start, then every change within it. No zone has had two changes within a day. */
function findChanges(offsetAt: (instant: number) => number, start: number): Change[] {
  let last: Change = { at: start, offset: offsetAt(start) };
  const found = [last];
  for (let at = start + day; at <= start + chunkMs; at += day) {
    const offset = offsetAt(at);
    if (offset === last.offset) continue;
    let before = at - day;
    let after = at;
    while (after - before > second) {
      const middle = before + Math.floor((after - before) / 2 / second) * second;
      if (offsetAt(middle) === last.offset) before = middle;
      else after = middle;
    }
    last = { at: after, offset };
    // The next chunk begins with what changes at its very start.
    if (after < start + chunkMs) found.push(last);
  }
  return found;
}

function formatter(name: string): Intl.DateTimeFormat | null {
  // Intl takes "+02:00" as well, which is no zone: it knows no DST, and signs are read both ways round.
  if (!/^[A-Za-z]/.test(name)) return null;
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** What the wall clock reads, in whole seconds. */
function readWall(format: Intl.DateTimeFormat, instant: number): number {
  const [month = 0, date, year = 0, hour, minute, second] = (format.format(instant).match(/\d+/g) ?? []).map(Number);
  return Date.UTC(year, month - 1, date, hour, minute, second);
}
