import { existsSync } from "node:fs";

/** Leaves processes to the first one of the container; ends when that has buried them. */
export default async (_input: unknown, ctx: { signal: AbortSignal }) => {
  const child = Bun.spawn(["sh", "-c", "for n in 1 2 3; do sleep 0.1 & echo $!; done"], { stdout: "pipe" });
  const orphans = (await new Response(child.stdout).text()).trim().split("\n");
  // Of the end of a process that is no child of one's own there is no event.
  while (orphans.some((pid) => existsSync(`/proc/${pid}`)) && !ctx.signal.aborted) await Bun.sleep(10);
  return orphans.length;
};
