import { maxBodyBytes } from "../body.ts";

/** What one server, and each of its connections, may take up. */
export interface LiveLimits {
  /** Connections at once; further ones are closed with 1013. */
  readonly connections: number;
  /** Of which one client, as `clientOf` tells them apart, may have so many. */
  readonly connectionsPerClient: number;
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
  connectionsPerClient: 250,
  // A submission is as large as a request's body, with a type and an id beside it.
  messageBytes: maxBodyBytes + 4_096,
  inboxBytes: 1024 * 1024,
  followed: 100_000,
  softBytes: 256 * 1024,
  hardBytes: 4 * 1024 * 1024,
};

/** What the sockets themselves are held to. */
export const socketOptions = {
  // A message somewhat over the limit is answered by an error; what is larger still is not even gathered, and ends it.
  maxPayloadLength: 2 * defaultLimits.messageBytes,
  /** Seconds; a client that says nothing is asked by a ping before they are over, and is gone when it does not answer. */
  idleTimeout: 120,
  sendPings: true,
};
