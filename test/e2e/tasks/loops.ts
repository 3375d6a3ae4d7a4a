import { defineTask, t } from "taskflow";

export default defineTask({
  description: "Tells whoever is at the URL its process id, then loops",
  input: t.Object({ url: t.String() }),
  maxRetries: 0,
  async run({ url }) {
    await fetch(`${url}?pid=${process.pid}`);
    for (;;);
  },
});
