import { defineTask, t } from "taskflow";

export default defineTask({
  description: "Adds",
  input: t.Object({ a: t.Number(), b: t.Number() }),
  run: ({ a, b }) => a + b,
});
