import { defineTask, t } from "taskflow";

export default defineTask({
  description: "Fail now and then: to see retries with backoff at work",
  input: t.Object({
    failure_rate: t.Number({
      description: "How often it fails, from 0 (never) to 1 (always)",
      default: 0.3,
      minimum: 0,
      maximum: 1,
    }),
  }),
  run({ failure_rate }, ctx) {
    // Math.random() is below 1, so that a rate of 1 always fails, and never below 0, so that a rate of 0 never does.
    if (Math.random() < failure_rate) throw new Error(`Failed by chance, at a rate of ${failure_rate}`);
    return `Succeeded on attempt ${ctx.attempt} of ${ctx.maxAttempts}`;
  },
});
