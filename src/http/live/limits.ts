import { maxBodyBytes } from "../body.ts";

/** What one server, and each of its connections, may take up. */
export interface LiveLimits {
  /** Connections at once; further ones are closed with 1013. */
  readonly connections: number;
  /** Bytes of one message. */
  readonly messageBytes: number;
  /** Bytes of messages that wait for their answer; above it the connection is not read from. */
  readonly inboxBytes: number;
  /** Tasks that one connection follows. */
  readonly followed: number;
  /** Bytes that wait to be read by the client; above it progress and log events are left out. */
  readonly softBytes: number;
  /** Bytes that wait to be read by the client; above it the connection is closed with 1013. */
  readonly hardBytes: number;
}

export const defaultLimits: LiveLimits = {
  connections: 1_000,
  // A submission is as large as a request's body, with a type and an id beside it.
  messageBytes: maxBodyBytes + 4_096,
  inboxBytes: 1024 * 1024,
  followed: 100_000,
  softBytes: 256 * 1024,
  hardBytes: 4 * 1024 * 1024,
};
