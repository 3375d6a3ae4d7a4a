/** The first word of the command line by which the single executable starts as a worker, and not as a command. */
export const workerWord = "--run-as-worker";
