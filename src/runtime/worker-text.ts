const encoder = new TextEncoder();

/** `text`, or as much of its start as fits in `maxBytes` of UTF-8 together with a note of what is gone. */
export function clip(text: string, maxBytes: number): string {
  if (text.length <= maxBytes && Buffer.byteLength(text) <= maxBytes) return text;
  const room = new Uint8Array(maxBytes - noteBytes);
  const { read } = encoder.encodeInto(text.slice(0, room.length), room);
  return `${text.slice(0, read)} … [${text.length - read} more characters cut]`;
}

/** More than the note takes with the longest string there can be. */
const noteBytes = 64;
