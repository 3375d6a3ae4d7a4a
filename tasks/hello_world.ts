import { defineTask, t } from "taskflow";

export default defineTask({
  description: "Greet someone",
  input: t.Object({
    name: t.String({ description: "Who is greeted", default: "World" }),
  }),
  run({ name }, ctx) {
    ctx.log.info(`Hello, ${name}!`);
    return `Greeted ${name}`;
  },
});
