import { defineTask, PermanentError, t } from "taskflow";

const values: Record<string, () => unknown> = {
  error: () => new TypeError("went wrong"),
  permanent: () => new PermanentError("never again"),
  string: () => "boom",
  null: () => null,
  undefined: () => undefined,
  getter: () => ({
    get message() {
      throw new Error("from the getter");
    },
  }),
  errorWithGetter: () =>
    Object.defineProperty(new Error(), "message", {
      get() {
        throw new Error("from the getter");
      },
    }),
};

export default defineTask({
  description: "Throws what it is told to",
  input: t.Object({ what: t.String() }),
  maxRetries: 0,
  run({ what }) {
    throw values[what]?.();
  },
});
