import { TaskflowError } from "../domain/error.ts";

/** Knows whether the store takes writes at the moment. */
export interface StoreFault {
  /** Why the latest write failed, or null when it went through. */
  current(): string | null;
  /** Takes note of how a write ends; passes its result or its error on. */
  watch<Result>(write: Promise<Result>): Promise<Result>;
}

export function createStoreFault(): StoreFault {
  let fault: string | null = null;
  return {
    current: () => fault,
    async watch(write) {
      try {
        const result = await write;
        fault = null;
        return result;
      } catch (error) {
        if (isStoreUnavailable(error)) fault = error.message;
        throw error;
      }
    },
  };
}

export function isStoreUnavailable(error: unknown): error is TaskflowError {
  return error instanceof TaskflowError && error.code === "store_unavailable";
}
