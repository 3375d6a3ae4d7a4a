import { describe, expect, test } from "bun:test";
import { findZone } from "../../src/domain/zone.ts";

function zone(name: string) {
  const found = findZone(name);
  if (found === null) throw new Error(`no zone ${name}`);
  return found;
}

const utc = (text: string) => Date.parse(`${text}Z`);

describe("a zone", () => {
  test("reads the local time at an instant, whole days and odd minutes from UTC", () => {
    expect(zone("UTC").latestWall(1_234)).toBe(1_234);
    expect(zone("Asia/Kathmandu").latestWall(utc("2026-01-01T00:00"))).toBe(utc("2026-01-01T05:45"));
    expect(zone("America/St_Johns").latestWall(utc("2026-01-01T00:00"))).toBe(utc("2025-12-31T20:30"));
    expect(zone("Africa/Monrovia").latestWall(utc("1971-01-01T00:44:30.250"))).toBe(utc("1971-01-01T00:00:00.250"));
  });

  test("turns every minute around a change into the first instant at which it is read", () => {
    const london = zone("Europe/London");
    expect(london.firstInstant(utc("2026-03-29T00:59"))).toBe(utc("2026-03-29T00:59"));
    for (const skipped of ["01:00", "01:01", "01:59"]) {
      expect(london.firstInstant(utc(`2026-03-29T${skipped}`))).toBe(utc("2026-03-29T01:00"));
    }
    expect(london.firstInstant(utc("2026-03-29T02:01"))).toBe(utc("2026-03-29T01:01"));
    expect(london.firstInstant(utc("2026-10-25T01:00"))).toBe(utc("2026-10-25T00:00"));
    expect(london.firstInstant(utc("2026-10-25T01:59"))).toBe(utc("2026-10-25T00:59"));
    expect(london.firstInstant(utc("2026-10-25T02:00"))).toBe(utc("2026-10-25T02:00"));
  });

  test("does not read less while it repeats an hour", () => {
    const london = zone("Europe/London");
    expect(london.latestWall(utc("2026-10-25T00:59:59.999"))).toBe(utc("2026-10-25T01:59:59.999"));
    expect(london.latestWall(utc("2026-10-25T01:00"))).toBe(utc("2026-10-25T01:59:59.999"));
    expect(london.latestWall(utc("2026-10-25T01:59:59.999"))).toBe(utc("2026-10-25T01:59:59.999"));
    expect(london.latestWall(utc("2026-10-25T02:00"))).toBe(utc("2026-10-25T02:00"));
  });

  test("knows what it reads again", () => {
    const london = zone("Europe/London");
    const again = [
      "2026-10-24T23:59",
      "2026-10-25T00:00",
      "2026-10-25T00:59:59.999",
      "2026-10-25T01:00",
      "2026-03-29T00:30",
    ];
    expect(again.map((at) => london.readsAgain(utc(at)))).toEqual([false, true, true, false, false]);
  });

  test("finds a change wherever it lies in the stretches that are looked at", () => {
    // Each month of thirty years, in a zone whose changes wander through the year.
    const casablanca = zone("Africa/Casablanca");
    for (let at = utc("2000-01-01T00:00"); at < utc("2030-01-01T00:00"); at += 86_400_000 / 4) {
      const wall = casablanca.latestWall(at);
      expect(casablanca.firstInstant(wall)).toBeLessThanOrEqual(at);
      expect(casablanca.latestWall(casablanca.firstInstant(wall))).toBeGreaterThanOrEqual(wall);
    }
  });

  test("has a name of letters that IANA knows; an offset is none", () => {
    expect(["Europe/Berln", "", "+02:00", "-0300", "PST", "local", "Europe/Berlin\n"].map(findZone)).toEqual(
      Array(7).fill(null),
    );
    expect(zone("AMERICA/new_york").name).toBe("America/New_York");
  });
});
