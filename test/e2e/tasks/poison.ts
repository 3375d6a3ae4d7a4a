import { defineTask, t } from "taskflow";

export default defineTask({
  description: "Takes its worker down each time, and is tried again at once",
  input: t.Object({}),
  maxRetries: 10,
  backoff: { base: 0 },
  run: () => process.exit(1),
});
