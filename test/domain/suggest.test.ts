import { expect, test } from "bun:test";
import { didYouMean } from "../../src/domain/suggest.ts";

const known = ["add_numbers", "send_email", "slow_task"];

test.each([
  ["add_number", "add_numbers"],
  ["addnumbers", "add_numbers"],
  ["SEND_EMAIL", "send_email"],
  ["sendemial", "send_email"],
  ["slow-task", "slow_task"],
])("a misspelt %s is taken for %s", (name, meant) => {
  expect(didYouMean(name, known)).toBe(` Did you mean '${meant}'?`);
});

test("what is far from everything gets no suggestion", () => {
  expect(didYouMean("generate_report", known)).toBe("");
  expect(didYouMean("task", known)).toBe("");
  expect(didYouMean("add_numbers", [])).toBe("");
});

test("a single letter is not taken for another one, only for itself in another case", () => {
  expect(didYouMean("c", ["a", "b"])).toBe("");
  expect(didYouMean("A", ["a", "b"])).toBe(" Did you mean 'a'?");
  expect(didYouMean("", ["a"])).toBe("");
});

test("of several near ones the nearest is meant, the first among equals", () => {
  expect(didYouMean("prices", ["prizes", "price", "rices"])).toBe(" Did you mean 'prizes'?");
  expect(didYouMean("slow_tasks", ["slow_talks", "slow_task"])).toBe(" Did you mean 'slow_talks'?");
  expect(didYouMean("slow_tasks", ["show_talks", "slow_task"])).toBe(" Did you mean 'slow_task'?");
});

test("a name too long to be a slip is not compared", () => {
  expect(didYouMean("a".repeat(101), ["a".repeat(100)])).toBe("");
});
