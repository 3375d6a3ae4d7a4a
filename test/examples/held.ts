import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A tasks folder whose handler `held` runs up to a point, and goes on when the test says so. */
export interface Held {
  readonly tasksDir: string;
  /** What the handler has to be given. `text` is what it logs, reports as progress and returns once it is let go; with
   * `fails` beside it, it is what the handler throws instead. */
  input(text: string): { readonly gate: string; readonly text: string };
  letGo(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

const handler = `
import { PermanentError } from "taskflow";

export default async ({ gate, text, fails }, ctx) => {
  console.log("held");
  await fetch(gate, { signal: ctx.signal });
  ctx.progress(0.5, text);
  console.log(text);
  if (fails) throw new PermanentError(text);
  return text;
};
`;

export async function holdTasks(): Promise<Held> {
  const tasksDir = await mkdtemp(join(tmpdir(), "taskflow-held-"));
  await Bun.write(join(tasksDir, "held.ts"), handler);
  const { promise: open, resolve: letGo } = Promise.withResolvers<void>();
  const gate = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch() {
      await open;
      return new Response();
    },
  });
  return {
    tasksDir,
    input: (text) => ({ gate: gate.url.href, text }),
    letGo,
    async [Symbol.asyncDispose]() {
      letGo();
      await gate.stop(true);
      await rm(tasksDir, { recursive: true, force: true });
    },
  };
}
