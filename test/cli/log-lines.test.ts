import { expect, test } from "bun:test";
import { LogLines } from "../../src/cli/log-lines.ts";

/** A line that is told apart by what it says. */
function line(message: string) {
  return { time: "2026-03-28T09:00:00.000Z", attempt: 1, level: "info", message };
}

/** What is told, after `play` let lines come one by one or all that there are. */
function told(play: (lines: { heard(...messages: string[]): void; known(...messages: string[]): void }) => void) {
  const messages: string[] = [];
  const lines = new LogLines(({ message }) => messages.push(message));
  play({
    heard: (...some) => {
      for (const message of some) lines.heard(line(message));
    },
    known: (...all) => lines.known(all.map(line)),
  });
  return messages.join(" ");
}

test.each<[string, string, Parameters<typeof told>[0]]>([
  [
    "that came and is in the list, too",
    "a b",
    ({ heard, known }) => {
      heard("a");
      known("a", "b");
      known("a", "b");
    },
  ],
  [
    "that was in the list and comes after it",
    "a b c",
    ({ heard, known }) => {
      known("a", "b");
      heard("b", "c");
    },
  ],
  [
    "that got lost on its way",
    "a c b",
    ({ heard, known }) => {
      heard("a", "c");
      known("a", "b", "c");
    },
  ],
  [
    "that is the same as another",
    "a a a b",
    ({ heard, known }) => {
      known("a", "a");
      heard("a");
      known("a", "a", "a", "b");
      heard("a", "a", "b");
    },
  ],
])("a line is told once: one %s", (_which, expected, play) => {
  expect(told(play)).toBe(expected);
});
