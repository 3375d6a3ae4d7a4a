/** What the image's HEALTHCHECK runs: says why the server is not ready for tasks, if it is not, and exits with 1. */
const url = `http://127.0.0.1:${process.env.TASKFLOW_PORT || 8000}/health/ready`;
const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
if (!answer.ok) {
  console.error(await answer.text());
  process.exit(1);
}
