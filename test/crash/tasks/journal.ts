import { appendFileSync } from "node:fs";
import { defineTask, t } from "taskflow";

export default defineTask({
  description: "Notes in a file that it starts, takes its time, and fails as often as it is told to",
  input: t.Object({
    file: t.String(),
    n: t.Integer(),
    seconds: t.Number({ default: 0 }),
    failures: t.Integer({ default: 0 }),
  }),
  backoff: { base: 0.05, cap: 0.2 },
  async run({ file, n, seconds, failures }, ctx) {
    appendFileSync(file, `${ctx.taskId} ${Date.now()}\n`);
    ctx.progress(0.5);
    if (seconds > 0) await ctx.sleep(seconds * 1_000);
    if (ctx.attempt <= failures) throw new Error(`failure ${ctx.attempt}`);
    return n;
  },
});
