import { defineTask } from "taskflow";

export default defineTask({ description: "Do nothing", run: () => null });
