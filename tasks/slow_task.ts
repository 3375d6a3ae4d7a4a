import { defineTask, t } from "taskflow";

const steps = 20;

export default defineTask({
  description: "Sleep for a while, reporting progress: to try out timeouts, cancelling and the live view",
  input: t.Object({
    duration: t.Number({ description: "Seconds to sleep", default: 5, minimum: 0, maximum: 3600 }),
  }),
  timeout: 3700,
  async run({ duration }, ctx) {
    for (let step = 1; step <= steps; step += 1) {
      // Rejects as soon as the attempt is told to stop, which ends the task: nothing here has to ask for it.
      await ctx.sleep((duration * 1000) / steps);
      ctx.progress(step / steps, `${step} of ${steps} naps`);
    }
    return `Slept for ${duration} seconds`;
  },
});
