import { describe, expect, test } from "bun:test";
import { CronError, parseCron } from "../../src/domain/cron.ts";

const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString().replace(":00.000Z", "Z"));

/** The times after `from`; that going back from the last finds the same is checked on the way. */
function upcoming(expression: string, timezone: string, from: string, count: number): (string | null)[] {
  const cron = parseCron(expression, timezone);
  const times = cron.upcoming(Date.parse(from), count);
  let before = (times.at(-1) ?? 0) + 1;
  for (const time of times.toReversed()) {
    const previous = cron.previous(before);
    expect(previous).toBe(time);
    before = previous ?? 0;
  }
  return times.map(iso);
}

describe("an expression in UTC is due", () => {
  const from = "2026-02-27T09:07:30Z";
  test.each<[string, string[]]>([
    ["*/5 * * * *", ["2026-02-27T09:10Z", "2026-02-27T09:15Z", "2026-02-27T09:20Z"]],
    ["0 * * * *", ["2026-02-27T10:00Z", "2026-02-27T11:00Z"]],
    ["*/30 * * * *", ["2026-02-27T09:30Z", "2026-02-27T10:00Z"]],
    ["0 0 * * *", ["2026-02-28T00:00Z", "2026-03-01T00:00Z"]],
    ["0 2 * * *", ["2026-02-28T02:00Z", "2026-03-01T02:00Z"]],
    ["0 9 * * 1", ["2026-03-02T09:00Z", "2026-03-09T09:00Z"]],
    ["0 9 * * 1-5", ["2026-03-02T09:00Z", "2026-03-03T09:00Z"]],
    ["0 9 * * MON-FRI", ["2026-03-02T09:00Z", "2026-03-03T09:00Z"]],
    ["0 0 * * 0", ["2026-03-01T00:00Z", "2026-03-08T00:00Z"]],
    ["0 0 * * 7", ["2026-03-01T00:00Z", "2026-03-08T00:00Z"]],
    ["0 0 1 * *", ["2026-03-01T00:00Z", "2026-04-01T00:00Z"]],
    ["0 0 1 1 *", ["2027-01-01T00:00Z", "2028-01-01T00:00Z"]],
    ["30 8,20 * * *", ["2026-02-27T20:30Z", "2026-02-28T08:30Z"]],
    ["0 9-17/4 * * *", ["2026-02-27T13:00Z", "2026-02-27T17:00Z", "2026-02-28T09:00Z"]],
    ["15 10 * JUN,dec *", ["2026-06-01T10:15Z", "2026-06-02T10:15Z"]],
    ["*/45 * * * *", ["2026-02-27T09:45Z", "2026-02-27T10:00Z", "2026-02-27T10:45Z"]],
    ["*/20 * * * * *", ["2026-02-27T09:07:40.000Z", "2026-02-27T09:08Z", "2026-02-27T09:08:20.000Z"]],
    ["15 30 8 * * *", ["2026-02-28T08:30:15.000Z"]],
    ["@hourly", ["2026-02-27T10:00Z"]],
    ["@daily", ["2026-02-28T00:00Z"]],
    ["@midnight", ["2026-02-28T00:00Z"]],
    ["@weekly", ["2026-03-01T00:00Z", "2026-03-08T00:00Z"]],
    ["@monthly", ["2026-03-01T00:00Z", "2026-04-01T00:00Z"]],
    [" @Yearly ", ["2027-01-01T00:00Z", "2028-01-01T00:00Z"]],
    ["@annually", ["2027-01-01T00:00Z"]],
    ["0 0 29 2 *", ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]],
    ["0 0 L * *", ["2026-02-28T00:00Z", "2026-03-31T00:00Z", "2026-04-30T00:00Z"]],
    ["0 0 15,L * *", ["2026-02-28T00:00Z", "2026-03-15T00:00Z"]],
    ["0 0 LW * *", ["2026-03-31T00:00Z", "2026-04-30T00:00Z", "2026-05-29T00:00Z"]],
    ["0 0 1W * *", ["2026-03-02T00:00Z", "2026-04-01T00:00Z", "2026-05-01T00:00Z", "2026-06-01T00:00Z"]],
    ["0 0 31W * *", ["2026-03-31T00:00Z", "2026-05-29T00:00Z"]],
    ["0 0 * * 5L", ["2026-03-27T00:00Z", "2026-04-24T00:00Z"]],
    ["0 0 * * FRI#L", ["2026-03-27T00:00Z", "2026-04-24T00:00Z"]],
    ["0 0 * * mon#2", ["2026-03-09T00:00Z", "2026-04-13T00:00Z"]],
    ["0 0 * * 5#5", ["2026-05-29T00:00Z", "2026-07-31T00:00Z"]],
    ["0 0 * * FRI-SUN", ["2026-02-28T00:00Z", "2026-03-01T00:00Z", "2026-03-06T00:00Z"]],
    // Either day is enough when both are given; both must be with `+`.
    ["0 0 13 * 5", ["2026-03-06T00:00Z", "2026-03-13T00:00Z", "2026-03-20T00:00Z"]],
    ["0 0 14 * 5", ["2026-03-06T00:00Z", "2026-03-13T00:00Z", "2026-03-14T00:00Z"]],
    ["0 0 13 * +5", ["2026-03-13T00:00Z", "2026-11-13T00:00Z"]],
    ["0 0 29 2 +1", ["2044-02-29T00:00Z", "2072-02-29T00:00Z", "2112-02-29T00:00Z"]],
    // Sunday is 0 and 7, each with its own say.
    ["0 0 * * 0,7#2", ["2026-03-01T00:00Z", "2026-03-08T00:00Z"]],
    ["0 0 * * sun#1,7#3", ["2026-03-01T00:00Z", "2026-03-15T00:00Z", "2026-04-05T00:00Z"]],
    ["0 0 ? * MON", ["2026-03-02T00:00Z"]],
  ])("%s", (expression, expected) => {
    expect(upcoming(expression, "UTC", from, expected.length)).toEqual(expected);
  });
});

describe("where the clock is set forward, a time it leaves out is due at the jump, once", () => {
  test.each<[string, string, string, string[]]>([
    // New York, 8 March 2026: 01:59:59 is followed by 03:00, which is 07:00 UTC.
    ["30 2 * * *", "America/New_York", "2026-03-07T08:00Z", ["2026-03-08T07:00Z", "2026-03-09T06:30Z"]],
    ["0 2 * * *", "America/New_York", "2026-03-07T08:00Z", ["2026-03-08T07:00Z", "2026-03-09T06:00Z"]],
    ["0 3 * * *", "America/New_York", "2026-03-07T09:00Z", ["2026-03-08T07:00Z", "2026-03-09T07:00Z"]],
    ["0 2,3 * * *", "America/New_York", "2026-03-07T09:00Z", ["2026-03-08T07:00Z", "2026-03-09T06:00Z"]],
    ["5,25,45 2 * * *", "America/New_York", "2026-03-07T09:00Z", ["2026-03-08T07:00Z", "2026-03-09T06:05Z"]],
    [
      "0 * * * *",
      "America/New_York",
      "2026-03-08T05:30Z",
      ["2026-03-08T06:00Z", "2026-03-08T07:00Z", "2026-03-08T08:00Z"],
    ],
    [
      "*/30 * * * *",
      "America/New_York",
      "2026-03-08T06:00Z",
      ["2026-03-08T06:30Z", "2026-03-08T07:00Z", "2026-03-08T07:30Z"],
    ],
    // At 17 past: that of the hour left out is due when it ends, and seventeen minutes later that of the next.
    [
      "17 * * * *",
      "America/New_York",
      "2026-03-08T06:00Z",
      ["2026-03-08T06:17Z", "2026-03-08T07:00Z", "2026-03-08T07:17Z"],
    ],
    ["59 59 * * * *", "America/New_York", "2026-03-08T06:59:58Z", ["2026-03-08T06:59:59.000Z", "2026-03-08T07:00Z"]],
    [
      "* * * * * *",
      "America/New_York",
      "2026-03-08T06:59:58Z",
      ["2026-03-08T06:59:59.000Z", "2026-03-08T07:00Z", "2026-03-08T07:00:01.000Z"],
    ],
    // Lord Howe, 4 October 2026: by half an hour, from 02:00 to 02:30, which is 15:30 UTC the day before.
    ["15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00Z", ["2026-10-03T15:30Z", "2026-10-04T15:15Z"]],
    ["45 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00Z", ["2026-10-03T15:45Z", "2026-10-04T15:45Z"]],
    // Troll, 29 March 2026: by two hours, from 01:00 to 03:00.
    ["30 1,2 * * *", "Antarctica/Troll", "2026-03-28T12:00Z", ["2026-03-29T01:00Z", "2026-03-29T23:30Z"]],
    // Havana, 8 March 2026: the day begins at 01:00.
    ["@daily", "America/Havana", "2026-03-07T12:00Z", ["2026-03-08T05:00Z", "2026-03-09T04:00Z"]],
    // Apia left out the whole of 30 December 2011: what was due then is due at the first instant of the 31st.
    [
      "0 12 * * *",
      "Pacific/Apia",
      "2011-12-29T12:00Z",
      ["2011-12-29T22:00Z", "2011-12-30T10:00Z", "2011-12-30T22:00Z"],
    ],
    ["0 9 30 12 *", "Pacific/Apia", "2011-06-01T00:00Z", ["2011-12-30T10:00Z", "2012-12-29T19:00Z"]],
    ["@daily", "Pacific/Apia", "2011-12-29T08:00Z", ["2011-12-29T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z"]],
    // Monrovia went from 44 minutes and 30 seconds behind UTC to UTC, on 7 January 1972.
    [
      "@daily",
      "Africa/Monrovia",
      "1972-01-06T00:00Z",
      ["1972-01-06T00:44:30.000Z", "1972-01-07T00:44:30.000Z", "1972-01-08T00:00Z"],
    ],
  ])("%s in %s", (expression, timezone, from, expected) => {
    expect(upcoming(expression, timezone, from, expected.length)).toEqual(expected);
  });
});

describe("where the clock is set back, a time it reads twice is due at the first, once", () => {
  test.each<[string, string, string, string[]]>([
    // New York, 1 November 2026: 01:00 to 02:00 from 05:00 UTC and again from 06:00.
    ["30 1 * * *", "America/New_York", "2026-10-31T12:00Z", ["2026-11-01T05:30Z", "2026-11-02T06:30Z"]],
    ["30 1 * * *", "America/New_York", "2026-11-01T05:30Z", ["2026-11-02T06:30Z"]],
    ["0 1 * * *", "America/New_York", "2026-10-31T12:00Z", ["2026-11-01T05:00Z", "2026-11-02T06:00Z"]],
    ["0 2 * * *", "America/New_York", "2026-10-31T12:00Z", ["2026-11-01T07:00Z", "2026-11-02T07:00Z"]],
    // What is due often pauses while the hour is repeated.
    [
      "*/15 * * * *",
      "America/New_York",
      "2026-11-01T05:20Z",
      ["2026-11-01T05:30Z", "2026-11-01T05:45Z", "2026-11-01T07:00Z"],
    ],
    [
      "0 * * * *",
      "America/New_York",
      "2026-11-01T04:30Z",
      ["2026-11-01T05:00Z", "2026-11-01T07:00Z", "2026-11-01T08:00Z"],
    ],
    ["* * * * * *", "America/New_York", "2026-11-01T05:59:58Z", ["2026-11-01T05:59:59.000Z", "2026-11-01T07:00Z"]],
    // Asked in the middle of the repeated hour, it is the end of that.
    ["* * * * *", "America/New_York", "2026-11-01T06:30Z", ["2026-11-01T07:00Z", "2026-11-01T07:01Z"]],
    // Lord Howe, 5 April 2026: by half an hour, 01:30 to 02:00 from 14:30 UTC the day before and again from 15:00.
    ["*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:40Z", ["2026-04-04T14:45Z", "2026-04-04T15:30Z"]],
    // Gaza, 29 October 2016: from 01:00 to midnight.
    ["30 0 * * *", "Asia/Gaza", "2016-10-28T12:00Z", ["2016-10-28T21:30Z", "2016-10-29T22:30Z"]],
    // Sao Paulo, 18 February 2018: midnight is set back to 23:00, so that the 17th has it twice.
    ["30 23 * * *", "America/Sao_Paulo", "2018-02-17T12:00Z", ["2018-02-18T01:30Z", "2018-02-19T02:30Z"]],
    ["@daily", "America/Sao_Paulo", "2018-02-17T12:00Z", ["2018-02-18T03:00Z", "2018-02-19T03:00Z"]],
  ])("%s in %s", (expression, timezone, from, expected) => {
    expect(upcoming(expression, timezone, from, expected.length)).toEqual(expected);
  });
});

describe("the time before", () => {
  test.each<[string, string, string, string]>([
    ["0 9 * * 1", "UTC", "2026-03-02T09:00Z", "2026-02-23T09:00Z"],
    ["0 9 * * 1", "UTC", "2026-03-02T09:00:00.001Z", "2026-03-02T09:00Z"],
    ["30 2 * * *", "America/New_York", "2026-03-08T07:00Z", "2026-03-07T07:30Z"],
    ["30 2 * * *", "America/New_York", "2026-03-08T07:00:01Z", "2026-03-08T07:00Z"],
    ["*/15 * * * *", "America/New_York", "2026-11-01T06:40Z", "2026-11-01T05:45Z"],
    ["0 0 29 2 *", "UTC", "2026-01-01T00:00Z", "2024-02-29T00:00Z"],
  ])("of %s in %s at %s is %s", (expression, timezone, before, expected) => {
    expect(iso(parseCron(expression, timezone).previous(Date.parse(before)))).toBe(expected);
  });
});

describe("times", () => {
  test("lie between 1970 and 2999", () => {
    const cron = parseCron("0 0 1 1 *", "UTC");
    expect(iso(cron.next(Number.NEGATIVE_INFINITY))).toBe("1970-01-01T00:00Z");
    expect(cron.previous(1)).toBe(0);
    expect(cron.previous(0)).toBeNull();
    expect(cron.next(Date.UTC(2999, 0, 1))).toBeNull();
    expect(iso(cron.previous(Number.POSITIVE_INFINITY))).toBe("2999-01-01T00:00Z");
    expect(cron.upcoming(Date.UTC(2997, 5, 1), 5).map(iso)).toEqual(["2998-01-01T00:00Z", "2999-01-01T00:00Z"]);
    expect([cron.next(Number.NaN), cron.previous(Number.NaN)]).toEqual([null, null]);
    expect(cron.upcoming(0, 0)).toEqual([]);
  });

  test("are the same at both ends whichever way they are asked for, in zones ahead of and behind UTC", () => {
    for (const timezone of ["Pacific/Kiritimati", "Pacific/Pago_Pago"]) {
      const cron = parseCron("0 * * * *", timezone);
      expect(cron.next(-1)).toBe(cron.previous(3_600_000));
      const last = cron.previous(Number.POSITIVE_INFINITY) ?? 0;
      expect(cron.next(last - 1)).toBe(last);
      expect(cron.next(last)).toBeNull();
    }
  });

  test("are strictly after and before an instant that is given in fractions of a millisecond", () => {
    const cron = parseCron("* * * * * *", "UTC");
    expect([cron.next(999.5), cron.next(1_000), cron.previous(1_000.5), cron.previous(1_000)]).toEqual([
      1_000, 2_000, 1_000, 0,
    ]);
  });
});

test("a parsed expression keeps its text and has the zone's name as IANA writes it", () => {
  expect(parseCron(" @Daily ", "europe/berlin")).toMatchObject({ expression: " @Daily ", timezone: "Europe/Berlin" });
  expect(parseCron("* * * * *", "utc").timezone).toBe("UTC");
  expect(parseCron("* * * * *", "US/Eastern").timezone).toBe("US/Eastern");
});

describe("what is wrong is said", () => {
  const fields = "minute, hour, day of the month, month, day of the week, and before them seconds if wanted";
  const five = (count: number) => `A cron expression has five or six fields, not ${count}: ${fields}.`;
  const nicknames = "@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly";
  test.each<[string, string]>([
    ["", five(0)],
    ["hourly", `${five(1)} Spaces go between them.`],
    ["* * * *", five(4)],
    ["0 0 0 1 1 * 2026", `${five(7)} Years cannot be given.`],
    ["0 0 1 1 * 2026", "The day of the week '2026' is wrong: years cannot be given."],
    [
      "2026-01-01T09:00:00Z",
      "'2026-01-01T09:00:00Z' is a date, no cron expression: a task that runs once is submitted with run_at.",
    ],
    [
      "2026-01-01 09:00",
      "'2026-01-01 09:00' is a date, no cron expression: a task that runs once is submitted with run_at.",
    ],
    ["@dayly", `'@dayly' is no name of an expression; there are ${nicknames}. Did you mean '@daily'?`],
    ["@reboot", "'@reboot' names no times: a start of the server is no time of a clock."],
    ["61 * * * *", "The minute '61' is wrong: it is from 0 to 59."],
    ["60 * * * * *", "The second '60' is wrong: it is from 0 to 59."],
    ["0 1,25,3 * * *", "The hour '25' in '1,25,3' is wrong: it is from 0 to 23."],
    ["0 0 0 * *", "The day of the month '0' is wrong: it is from 1 to 31."],
    ["0 0 * 13 *", "The month '13' is wrong: it is from 1 to 12."],
    ["0 0 * * 8", "The day of the week '8' is wrong: it is from 0 to 7."],
    ["5/10 * * * *", "The minute '5/10' is wrong: a step needs a range, write '5-59/10'."],
    ["/10 * * * *", "The minute '/10' is wrong: write '*/10'."],
    ["*/0 * * * *", "The minute '*/0' is wrong: a step is from 1 to 59."],
    ["*/90 * * * *", "The minute '*/90' is wrong: a step is from 1 to 59."],
    ["0 22-6 * * *", "The hour '22-6' is wrong: a range goes upwards, write '22-23,0-6'."],
    ["0 0 * * FRI-MON", "The day of the week 'FRI-MON' is wrong: a range goes upwards, write 'fri-sat,sun-mon'."],
    ["0 0 * NOV-FEB *", "The month 'NOV-FEB' is wrong: a range goes upwards, write 'nov-dec,jan-feb'."],
    ["0 0 * * 7-1", "The day of the week '7-1' is wrong: a range goes upwards."],
    ["0 0 * * monday", "The day of the week 'monday' is wrong: write 'mon'."],
    [
      "0 0 * * mun",
      "The day of the week 'mun' is wrong: 'mun' is none of sun, mon, tue, wed, thu, fri, sat. Did you mean 'sun'?",
    ],
    ["noon * * * *", "The minute 'noon' is wrong: it knows no 'noon'."],
    [
      "0 0 * * L",
      "The day of the week 'L' is wrong: say of which day it is the last, such as '5L', the last Friday of the month.",
    ],
    [
      "0 0 * * 1#6",
      "The day of the week '1#6' is wrong: '#' is followed by 1 to 5 or by L, as in 'mon#2', the second Monday of the month.",
    ],
    ["1,,2 * * * *", "The minute '' in '1,,2' is wrong: a comma has nothing on one of its sides."],
    ["0 0 1,*/1 * *", "The day of the month '1,*/1' is wrong: write '*', which is all of it."],
    ["*,5 * * * *", "The minute '*,5' is wrong: write '*', which is all of it."],
    [
      "-5 * * * *",
      "The minute '-5' is wrong: it takes numbers from 0 to 59, ranges such as '1-5', steps such as '*/2' and lists of these.",
    ],
    [
      "0 0 L-3 * *",
      "The day of the month 'L-3' is wrong: it takes numbers from 1 to 31, ranges such as '1-5', steps such as '*/2', L, 15W and lists of these, or LW alone.",
    ],
    [
      "0 0 LW,1 * *",
      "The day of the month 'LW,1' is wrong: it takes numbers from 1 to 31, ranges such as '1-5', steps such as '*/2', L, 15W and lists of these, or LW alone.",
    ],
    [
      "0 0 * * +",
      "The day of the week '+' is wrong: it takes numbers from 0 to 7, ranges such as '1-5', steps such as '*/2', names, 5L, 1#2 and lists of these.",
    ],
    ["0 0 30 2 *", "'0 0 30 2 *' never comes due: its months end on day 29 at the latest."],
    ["0 0 31 2,4,jun,9,11 *", "'0 0 31 2,4,jun,9,11 *' never comes due: its months end on day 30 at the latest."],
    ["0 0 31W 2 *", "'0 0 31W 2 *' never comes due: its months end on day 29 at the latest."],
    [
      "0 0 1 * +1#5",
      "'0 0 1 * +1#5' never comes due: in its months no day of the month falls on such a day of the week.",
    ],
    [`${"1,".repeat(100)}1 * * * *`, "The cron expression has 209 characters, more than 200."],
  ])("of %j", (expression, message) => {
    expect(() => parseCron(expression, "UTC")).toThrow(new CronError(message));
  });

  const isName = "it is a name such as 'Europe/Berlin' or 'UTC'.";
  test.each<[string, string]>([
    ["Europe/Berln", `There is no time zone 'Europe/Berln': ${isName} Did you mean 'Europe/Berlin'?`],
    ["new york", `There is no time zone 'new york': ${isName} Did you mean 'America/New_York'?`],
    [" UTC", `There is no time zone ' UTC': ${isName} Did you mean 'UTC'?`],
    ["", `There is no time zone '': ${isName}`],
    ["CEST", `There is no time zone 'CEST': ${isName}`],
    ["+02:00", `There is no time zone '+02:00': ${isName}`],
  ])("of the zone %j", (timezone, message) => {
    expect(() => parseCron("* * * * *", timezone)).toThrow(new CronError(message));
  });
});
