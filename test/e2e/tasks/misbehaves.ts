import { execSync } from "node:child_process";
import { type AttemptContext, defineTask, t } from "taskflow";

const never = () => new Promise<never>(() => undefined);

const ways: Record<string, (ctx: AttemptContext, url: string) => unknown> = {
  "waits for an answer": async (_ctx, url) => (await fetch(url)).text(),
  "leaves a rejection behind"(_ctx, url) {
    void fetch(url).then(() => Promise.reject(new RangeError("left behind")));
    return "done";
  },
  "rejects after it returned"() {
    setTimeout(() => Promise.reject(new Error("too late")), 0);
    return "done";
  },
  "throws in a timer"() {
    setTimeout(() => {
      throw new RangeError("in a timer");
    }, 0);
    return never();
  },
  "forgets a rejection"() {
    void Promise.reject(new RangeError("nobody waits"));
    return never();
  },
  exits: () => process.exit(3),
  "exits well": () => process.exit(0),
  "kills itself"() {
    process.kill(process.pid, "SIGKILL");
    return never();
  },
  loops() {
    for (;;);
  },
  "sleeps synchronously": () => Bun.sleepSync(3_600_000),
  "waits for a command": () => execSync(`sleep 3600.${process.ppid}`),
  "never settles": never,
  "ignores the abort"({ signal }) {
    signal.addEventListener("abort", () => console.log("so what"));
    return never();
  },
  "returns after the abort": ({ signal }) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve("too late"))),
};

export default defineTask({
  description: "Does to its worker what it is told to",
  input: t.Object({ how: t.String(), url: t.String({ default: "" }) }),
  maxRetries: 0,
  run: ({ how, url }, ctx) => ways[how]?.(ctx, url),
});
