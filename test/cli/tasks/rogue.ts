import { defineTask, t } from "taskflow";

const evil = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202egnp.exe\r\nnext";

export default defineTask({
  description: "Says and returns what a terminal would obey, and waits until whoever is at the URL answers",
  input: t.Object({ url: t.String() }),
  async run({ url }, ctx) {
    ctx.log.warn(`before ${evil}`);
    ctx.progress(0.5, evil);
    await fetch(url);
    ctx.log.error("after");
    return { [evil]: evil };
  },
});
