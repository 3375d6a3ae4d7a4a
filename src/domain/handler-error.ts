/** Throw it to fail the task at once, without another attempt. */
export class PermanentError extends Error {
  override readonly name: string = "PermanentError";
}

/** Throw it to be tried again after a given time instead of the usual backoff. It still uses up a retry. */
export class RetryAfter extends Error {
  override readonly name: string = "RetryAfter";
  /** Seconds until the next attempt. */
  readonly seconds: number;

  /** @param seconds seconds until the next attempt, 0 or more; throws a RangeError for anything else. */
  constructor(seconds: number, message = `retry in ${seconds}s`, options?: ErrorOptions) {
    super(message, options);
    if (!Number.isFinite(seconds) || seconds < 0) throw new RangeError("RetryAfter takes seconds, 0 or more");
    this.seconds = seconds;
  }
}
