import { defineTask, t } from "taskflow";

export default defineTask({
  description: "Fails at its first attempt and completes at the second",
  input: t.Object({}),
  maxRetries: 1,
  backoff: { base: 0 },
  run(_input, { attempt }) {
    if (attempt === 1) throw new Error("not yet");
    return "done";
  },
});
