/** What an attempt may send. The worker keeps to it, and the server holds it to it. */

/** Log lines of one attempt, the one that says what was cut not counted. */
export const maxLines = 1_000;
/** UTF-8 bytes of all log lines of one attempt. */
export const maxLogBytes = 256 * 1024;
/** UTF-8 bytes of one log line. */
export const maxLineBytes = 8 * 1024;
/** UTF-8 bytes of an error's `"Name: message"`. */
export const maxErrorBytes = 8 * 1024;
/** UTF-8 bytes of a stack. */
export const maxStackBytes = 16 * 1024;
/** UTF-8 bytes of a result as JSON text. */
export const maxResultBytes = 1024 * 1024;
/** Levels of nesting of a result. */
export const maxResultDepth = 200;
/** Characters of the message beside a progress fraction. */
export const maxProgressMessage = 1_000;
/** Progress is sent once in this time, milliseconds. */
export const progressIntervalMs = 100;
