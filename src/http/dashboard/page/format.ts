const numbers = new Intl.NumberFormat("en");

/** 12,345 */
export function count(value: number): string {
  return numbers.format(value);
}

/** "1 task", "2 tasks" */
export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? "" : "s"}`;
}

/** Seconds as "4 ms", "1.25 s", "3 m 20 s", "2 d 4 h"; a dash for null. */
export function duration(seconds: number | null): string {
  if (seconds === null) return "–";
  if (seconds < 0.9995) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3_600) return pair(Math.floor(whole / 60), "m", whole % 60, "s");
  if (whole < 86_400) return pair(Math.floor(whole / 3_600), "h", Math.floor((whole % 3_600) / 60), "m");
  return pair(Math.floor(whole / 86_400), "d", Math.floor((whole % 86_400) / 3_600), "h");
}

/** Seconds that go on, without what would flicker: "0 s", "12 s", "3 m 20 s". */
export function wholeSeconds(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return whole < 60 ? `${whole} s` : duration(whole);
}

/** 180.4 MB */
export function bytes(value: number | null): string {
  if (value === null) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = value === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log(value) / Math.log(1024)));
  const scaled = value / 1024 ** step;
  return `${scaled >= 100 || step === 0 ? Math.round(scaled) : scaled.toFixed(1)} ${units[step]}`;
}

/** "3 m ago", "in 2 h"; the smallest unit is a second. */
export function fromNow(time: string, now: number): string {
  const seconds = (Date.parse(time) - now) / 1_000;
  const size = Math.abs(seconds);
  if (size < 1) return "now";
  const text = size < 60 ? `${Math.floor(size)} s` : duration(size).replace(/ \d+ [smh]$/, "");
  return seconds < 0 ? `${text} ago` : `in ${text}`;
}

/** 2026-01-31 09:00:00.123, in this browser's time zone */
export function dateTime(time: string, digits: "seconds" | "milliseconds" = "seconds"): string {
  const date = new Date(time);
  const two = (part: number) => String(part).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${clockTime(time)}${digits === "seconds" ? "" : `.${String(date.getMilliseconds()).padStart(3, "0")}`}`;
}

/** 09:00:00 */
export function clockTime(time: string): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** The end of an id, which tells two apart: its beginning is the time. */
export function shortId(id: string): string {
  return id.slice(-8);
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** Sat 2026-01-31 09:00:00, by the clock of an IANA time zone */
export function inZone(time: string, timezone: string): string {
  const date = new Date(time);
  const day = date.toLocaleDateString("en", { timeZone: timezone, weekday: "short" });
  return `${day} ${date.toLocaleString("sv", { timeZone: timezone })}`;
}
