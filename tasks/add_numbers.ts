import { defineTask, PermanentError, t } from "taskflow";

export default defineTask({
  description: "Add two numbers",
  input: t.Object({
    a: t.Number({ description: "The first number", examples: [5] }),
    b: t.Number({ description: "The second number", examples: [3] }),
  }),
  run({ a, b }) {
    const sum = a + b;
    if (!Number.isFinite(sum)) throw new PermanentError(`${a} + ${b} is beyond the largest number there is`);
    return sum;
  },
});
