/** Holds so many megabytes while it waits, so that as many as there are workers run at once. */
export default async ({ megabytes }: { megabytes: number }, ctx: { sleep(ms: number): Promise<void> }) => {
  const held = Buffer.alloc(megabytes * 2 ** 20, 1);
  await ctx.sleep(300);
  return held.length;
};
