import { openStore } from "../../src/storage/open.ts";

/** Opens the store in the file of its argument without root's rights, and prints why that fails. */
const nobody = 65_534;
if (process.getuid?.() === 0) {
  process.setgid?.(nobody);
  process.setuid?.(nobody);
}
const store = await openStore(`sqlite:${process.argv[2]}`, { now: () => 1_000 }).catch((error: unknown) => {
  console.log(error instanceof Error ? `${error.name}: ${error.message}` : error);
  return null;
});
await store?.close();
