import { defineTask, t } from "taskflow";

export default defineTask({
  description: "All that a handler sees of the environment",
  input: t.Object({}),
  run: () => ({ ...process.env }),
});
