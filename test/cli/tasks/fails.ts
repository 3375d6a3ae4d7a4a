import { defineTask, PermanentError } from "taskflow";

export default defineTask({
  description: "Fails for good",
  run() {
    throw new PermanentError("never again");
  },
});
