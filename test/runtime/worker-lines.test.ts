import { describe, expect, test } from "bun:test";
import type { LineReport } from "../../src/runtime/protocol.ts";
import { Lines } from "../../src/runtime/worker-lines.ts";

function lines() {
  const batches: LineReport[][] = [];
  const log = new Lines((batch) => batches.push(batch));
  return { log, batches, messages: () => batches.flat().map(({ message }) => message) };
}

describe("the lines of an attempt", () => {
  test("are split at line breaks, without a last empty one", () => {
    const { log, messages } = lines();
    log.write("info", "a\r\nb\n\nc\n");
    log.write("info", "");
    log.close();
    expect(messages()).toEqual(["a", "b", "", "c", ""]);
  });

  test("of a stream wait for their end, and what is left comes at the end", () => {
    const { log, messages } = lines();
    log.writeChunk("info", "a");
    log.writeChunk("error", "x\ny");
    log.writeChunk("info", "b\nc");
    expect(messages()).toEqual(["x", "ab"]);
    log.close();
    expect(messages()).toEqual(["x", "ab", "c", "y"]);
  });

  test("of a stream that never breaks are not gathered for ever", () => {
    const { log, messages } = lines();
    for (let n = 0; n < 10; n++) log.writeChunk("info", "x".repeat(1_000));
    log.close();
    expect(messages()).toEqual(["x".repeat(8_128) + expectCut(9_000 - 8_128), "x".repeat(1_000)]);
  });

  test("go out at once at first, then together", () => {
    const { log, batches } = lines();
    for (let n = 0; n < 50; n++) log.write("info", `line ${n}`);
    expect(batches.length).toBeGreaterThanOrEqual(16);
    log.close();
    expect(batches.length).toBeLessThan(30);
    expect(batches.flat()).toHaveLength(50);
  });

  test("are cut at 8 KiB each, between characters", () => {
    const { log, messages } = lines();
    log.write("info", "x".repeat(8_192));
    log.write("info", "😀".repeat(10_000_000));
    log.close();
    const [whole, cut = ""] = messages();
    expect(whole).toBe("x".repeat(8_192));
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(8_192);
    expect(cut).toBe("😀".repeat(2_032) + expectCut(20_000_000 - 4_064));
  });

  test("end with a note after 256 KiB, and what follows is dropped", () => {
    const { log, batches, messages } = lines();
    for (let n = 0; n < 50; n++) log.write("info", "x".repeat(8_000));
    log.close();
    log.write("info", "late");
    expect(log.open).toBe(false);
    expect(messages()).toHaveLength(33);
    expect(batches.flat().at(-1)).toEqual({ level: "warn", message: expect.stringContaining("1000 lines or 256 KiB") });
  });
});

function expectCut(characters: number): string {
  return ` … [${characters} more characters cut]`;
}
