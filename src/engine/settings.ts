/** What the engine is told by the configuration. */
export interface EngineSettings {
  readonly defaultMaxRetries: number;
  readonly defaultTimeoutMs: number;
  /** Tasks that may wait at once; Infinity for no limit. */
  readonly maxQueueSize: number;
  /** From the abort of an attempt to its end by force. */
  readonly killGraceMs: number;
  /** What running attempts get when the server stops. */
  readonly shutdownGraceMs: number;
  readonly retentionCompletedMs: number;
  readonly retentionFailedMs: number;
  /** How long a task waits for a handler that is gone or does not load, before it fails. */
  readonly handlerWaitMs: number;
}
