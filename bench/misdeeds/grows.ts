/** Takes more memory than its worker may have, in less than a second. */
export default async () => {
  const kept = Array.from({ length: 16 }, () => new Uint8Array(2 ** 24).fill(1));
  await new Promise(() => undefined);
  return kept.length;
};
