import { defineTask, t } from "taskflow";

export default defineTask({
  description: "Runs until whoever is at the URL answers",
  input: t.Object({ url: t.String() }),
  maxRetries: 0,
  run: async ({ url }) => (await fetch(url)).text(),
});
