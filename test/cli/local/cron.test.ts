import { expect, setDefaultTimeout, test } from "bun:test";
import { launch } from "../../support/server.ts";

// Each starts processes, on machines that may be busy.
setDefaultTimeout(30_000);

/** Runs `bun run cron`, whose own zone must not matter; resolves with its exit code and what it said. */
async function cron(...given: readonly string[]) {
  const command = [process.execPath, "--no-env-file", "run", "--silent", "cron", ...given];
  await using child = launch(command, { env: { PATH: process.env.PATH ?? "", TZ: "Asia/Tokyo" } });
  return { exitCode: await child.exited, ...child.output };
}

test("bun run cron explains an expression, lists its times and marks what a change of the clock does", async () => {
  const forward = ["30 2 * * *", "--tz", "europe/berlin", "--from", "2026-03-28T00:00:00Z", "--count", "3"];
  expect(await cron(...forward)).toEqual({
    exitCode: 0,
    stderr: "",
    stdout: `At 02:30, in Europe/Berlin.

Sat 2026-03-28 02:30:00  2026-03-28T01:30:00.000Z
Sun 2026-03-29 03:00:00  2026-03-29T01:00:00.000Z  moved: the clock skips Sun 2026-03-29 02:30:00
Mon 2026-03-30 02:30:00  2026-03-30T00:30:00.000Z
`,
  });
  const back = ["*/30 1-3 * * *", "--tz", "Europe/Berlin", "--from", "2026-10-25T01:30:00+02:00", "--count=4"];
  expect((await cron(...back)).stdout.split("\n").slice(2)).toEqual([
    "Sun 2026-10-25 02:00:00  2026-10-25T00:00:00.000Z  the first of two: the clock is set back",
    "Sun 2026-10-25 02:30:00  2026-10-25T00:30:00.000Z  the first of two: the clock is set back",
    "Sun 2026-10-25 03:00:00  2026-10-25T02:00:00.000Z",
    "Sun 2026-10-25 03:30:00  2026-10-25T02:30:00.000Z",
    "",
  ]);
});

test("bun run cron lists ten times in UTC from now on when nothing else is said", async () => {
  const before = Date.now();
  const { exitCode, stdout } = await cron("@hourly");
  const [words, , ...lines] = stdout.trimEnd().split("\n");
  expect([exitCode, words, lines.length]).toEqual([0, "Every hour, in UTC.", 10]);
  const times = lines.map((line) => Date.parse(line.split("  ")[1] ?? ""));
  const first = times[0] ?? 0;
  expect(first).toBeGreaterThan(before);
  expect(times).toEqual(Array.from({ length: 10 }, (_, index) => first + index * 3_600_000));
});

test("bun run cron says when there are no more times", async () => {
  const { stdout } = await cron("0 0 29 2 *", "--from", "2995-01-01T00:00:00Z");
  expect(stdout.split("\n").slice(2)).toEqual([
    "Mon 2996-02-29 00:00:00  2996-02-29T00:00:00.000Z",
    "No more until the year 3000.",
    "",
  ]);
});

test.each<[number, string, string[]]>([
  [1, "'0 0 30 2 *' never comes due: its months end on day 29 at the latest.\n", ["0 0 30 2 *"]],
  [1, "The minute '61' is wrong: it is from 0 to 59.\n", ["61 * * * *"]],
  [
    1,
    "There is no time zone 'Berlin': it is a name such as 'Europe/Berlin' or 'UTC'. Did you mean 'Europe/Berlin'?\n",
    ["@daily", "--tz", "Berlin"],
  ],
  [2, "error: missing required argument 'expression'\n", []],
  [2, 'The expression is one argument: put it in quotes, "0 9 * * 1".\n', ["0", "9", "*", "*", "1"]],
  [2, "error: unknown option '--zone'", ["@daily", "--zone", "UTC"]],
  [2, "It is a whole number from 1 to 1000.", ["@daily", "--count", "0"]],
  [2, "It is a time with its offset", ["@daily", "--from", "2026-03-28T00:00:00"]],
])("bun run cron exits with %d and says on stderr: %s", async (code, message, given) => {
  const { exitCode, stdout, stderr } = await cron(...given);
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: code,
    stdout: "",
    stderr: expect.stringContaining(message),
  });
  if (code === 1) expect(stderr.startsWith(message)).toBeTrue();
});

test("bun run cron --help says how it is used", async () => {
  const { exitCode, stdout } = await cron("--help");
  expect(exitCode).toBe(0);
  expect(stdout).toStartWith("Usage: taskflow cron [options] <expression>");
});
