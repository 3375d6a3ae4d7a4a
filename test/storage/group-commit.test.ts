import { expect, test } from "bun:test";
import { TaskflowError } from "../../src/domain/error.ts";
import { createGroupCommit, type Transactions } from "../../src/storage/group-commit.ts";
import { createCommitMeter } from "../../src/storage/stats.ts";

/** Transactions that write down what happens; `faults` says what throws when. */
function recorder(faults: Partial<Record<keyof Transactions, (count: number) => unknown>> = {}) {
  const journal: string[] = [];
  const seen = { begin: 0, commit: 0, rollback: 0 };
  const step = (name: keyof Transactions) => () => {
    journal.push(name);
    seen[name] += 1;
    const fault = faults[name]?.(seen[name]);
    if (fault !== undefined) throw fault;
  };
  const transactions = { begin: step("begin"), commit: step("commit"), rollback: step("rollback") };
  const operation = (name: string) => () => {
    journal.push(name);
    return name;
  };
  const commits = createCommitMeter();
  let elapsed = 0;
  // Whoever asks finds two milliseconds gone.
  const elapsedMs = () => (elapsed += 2);
  return { ...createGroupCommit(transactions, { commits, elapsedMs }), journal, operation, commits };
}

const noSpace = () => new TaskflowError("store_unavailable", "The disk is full");
const outcome = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

test("the operations of one turn run in the order of their calls, in one transaction", async () => {
  const { write, journal, operation } = recorder();
  const answers = await Promise.all([write(operation("a")), write(operation("b")), write(operation("c"))]);
  expect(answers).toEqual(["a", "b", "c"]);
  expect(journal).toEqual(["begin", "a", "b", "c", "commit"]);
  await write(operation("d"));
  expect(journal.slice(5)).toEqual(["begin", "d", "commit"]);
});

test("nothing runs before the turn has ended, nothing resolves before the commit", async () => {
  const { write, journal, operation } = recorder();
  const answer = write(operation("a")).then(() => journal.push("resolved"));
  expect(journal).toEqual([]);
  await answer;
  expect(journal).toEqual(["begin", "a", "commit", "resolved"]);
});

test("of a group with one culprit only the culprit rejects", async () => {
  const { write, journal, operation } = recorder();
  const poison = new Error("poison");
  const answers = await Promise.all([
    write(operation("a")),
    outcome(
      write(() => {
        throw poison;
      }),
    ),
    write(operation("c")),
  ]);
  expect(answers).toEqual(["a", poison, "c"]);
  const alone = ["begin", "a", "commit", "begin", "rollback", "begin", "c", "commit"];
  expect(journal).toEqual(["begin", "a", "rollback", ...alone]);
});

test("an operation that fails alone is not tried again", async () => {
  const { write, journal } = recorder();
  const answer = await outcome(
    write(() => {
      throw new Error("poison");
    }),
  );
  expect(answer).toEqual(new Error("poison"));
  expect(journal).toEqual(["begin", "rollback"]);
});

test.each(["begin", "commit"] as const)("a medium that refuses to %s rejects the whole group, once", async (step) => {
  const { write, journal, operation } = recorder({ [step]: (count: number) => (count === 1 ? noSpace() : undefined) });
  const refused = await Promise.all([outcome(write(operation("a"))), outcome(write(operation("b")))]);
  expect(refused).toEqual([noSpace(), noSpace()]);
  expect(journal.filter((name) => name === "begin")).toHaveLength(1);
  expect(journal.at(-1)).toBe("rollback");
  expect(await write(operation("c"))).toBe("c");
});

test("a medium that refuses an operation rejects the whole group", async () => {
  const { write, operation } = recorder();
  const full = write(() => {
    throw noSpace();
  });
  const refused = await Promise.all([outcome(write(operation("a"))), outcome(full), outcome(write(operation("c")))]);
  expect(refused).toEqual([noSpace(), noSpace(), noSpace()]);
});

test("a commit that fails for another reason is tried for each operation alone", async () => {
  const fault = new Error("deferred constraint");
  const { write, operation } = recorder({ commit: (count) => (count === 1 || count === 3 ? fault : undefined) });
  const answers = await Promise.all([outcome(write(operation("a"))), outcome(write(operation("b")))]);
  expect(answers).toEqual(["a", fault]);
});

test("a rollback that fails rejects the whole group, and the next group goes on", async () => {
  const fault = new Error("stuck");
  const { write, operation } = recorder({ rollback: (count) => (count === 1 ? fault : undefined) });
  const poison = write(() => {
    throw new Error("poison");
  });
  expect(await Promise.all([outcome(write(operation("a"))), outcome(poison)])).toEqual([fault, fault]);
  expect(await write(operation("b"))).toBe("b");
});

test("an operation queued while its group is told of the commit goes to the next group", async () => {
  const { write, journal, operation } = recorder();
  await write(operation("a")).then(() => write(operation("b")));
  expect(journal).toEqual(["begin", "a", "commit", "begin", "b", "commit"]);
});

test("close commits what is queued and refuses what comes later", async () => {
  const { write, close, journal, operation } = recorder();
  const queued = write(operation("a"));
  close();
  expect(journal).toEqual(["begin", "a", "commit"]);
  expect(await queued).toBe("a");
  expect(await outcome(write(operation("b")))).toMatchObject({ code: "store_unavailable" });
  expect(journal).toHaveLength(3);
});

test("a transaction is timed from its begin to its commit, with all the writes that share it", async () => {
  const { write, commits, operation } = recorder();
  await Promise.all([write(operation("a")), write(operation("b"))]);
  await write(operation("c"));
  expect(commits).toMatchObject({ failed: 0, writes: 3 });
  expect(commits.seconds.counts.reduce((sum, count) => sum + count)).toBe(2);
  expect(commits.seconds.sum).toBeCloseTo(0.004);
});

test("a transaction that is undone counts as failed, and its time is not told", async () => {
  const { write, commits, operation } = recorder({ commit: () => noSpace() });
  await outcome(write(operation("a")));
  expect(commits).toMatchObject({ failed: 1, writes: 1 });
  expect(commits.seconds.sum).toBe(0);
});
