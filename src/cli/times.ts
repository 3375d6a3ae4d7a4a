/** A time of the wire by the clock of this machine: `2026-03-28 09:05:12`. */
export function localTime(iso: string): string {
  const at = new Date(iso);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${timeOfDay(iso)}`;
}

/** Its time of day alone. */
export function timeOfDay(iso: string): string {
  const at = new Date(iso);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The time of day to the millisecond. */
export function preciseTime(iso: string): string {
  return `${timeOfDay(iso)}.${String(new Date(iso).getMilliseconds()).padStart(3, "0")}`;
}

/** A time for a list: of another day the date is what matters. */
export function briefTime(iso: string, now: number): string {
  return new Date(iso).toDateString() === new Date(now).toDateString() ? timeOfDay(iso) : localTime(iso).slice(0, 16);
}

/** A duration as a person says it, in two units at most: `320 ms`, `1.2 s`, `3 min 20 s`, `2 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${Number((ms / 1_000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1_000);
  const [large, small, unit, part] =
    seconds < 3_600
      ? ["min", "s", 60, 1]
      : seconds < 86_400
        ? ["h", "min", 3_600, 60]
        : (["d", "h", 86_400, 3_600] as const);
  const rest = Math.floor((seconds % unit) / part);
  return `${Math.floor(seconds / unit)} ${large}${rest === 0 ? "" : ` ${rest} ${small}`}`;
}

/** From one time of the wire to another. */
export function between(from: string, to: string): string {
  return duration(Date.parse(to) - Date.parse(from));
}

/** `in 3 min` or `3 min ago`. */
export function relative(iso: string, now: number): string {
  const ms = Date.parse(iso) - now;
  return ms > 0 ? `in ${duration(ms)}` : `${duration(-ms)} ago`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
