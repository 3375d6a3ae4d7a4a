import { afterEach, beforeEach, describe } from "bun:test";
import type { Store } from "../../src/storage/store.ts";
import { testCounts } from "./conformance-counts.ts";
import { testFilters } from "./conformance-filters.ts";
import { testPeriodic } from "./conformance-periodic.ts";
import { testReads } from "./conformance-reads.ts";
import { testUpkeep } from "./conformance-upkeep.ts";
import { testWrites } from "./conformance-writes.ts";

/** What every store has to do. `open` gives an empty one. */
export function storeConformance(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    testWrites(() => store);
    testUpkeep(() => store);
    testPeriodic(() => store);
    testReads(() => store);
    describe("list", () => testFilters(() => store));
    testCounts(open);
  });
}
