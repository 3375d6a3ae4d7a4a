import type { Fault } from "../../../src/domain/error.ts";
import type { Visitor } from "../../../src/http/live/connection.ts";
import type { LiveHub } from "../../../src/http/live/hub.ts";

/** Whatever a client may get, with the fields of all kinds. */
export interface Received {
  readonly type: string;
  readonly id?: string | number;
  readonly task_id?: string;
  readonly task?: {
    readonly task_id: string;
    readonly func_name: string;
    readonly status: string;
    readonly progress: { readonly fraction: number } | null;
  };
  readonly timestamp?: string;
  readonly seq?: number;
  readonly snapshot?: boolean;
  readonly log?: { readonly message: string };
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly Fault[];
  readonly retry_after?: number;
  readonly since?: number;
  readonly latest?: number;
}

/** A client on a socket that is none. */
export interface FakeClient {
  readonly received: readonly Received[];
  /** Bytes sent that it has not read. */
  readonly unread: number;
  /** How often the server wrote to it, or asked how much it has not read. */
  readonly touches: number;
  readonly paused: boolean;
  readonly closed: { readonly code: number; readonly reason: string } | null;
  say(message: object): void;
  sayRaw(data: string | Buffer): void;
  /** Says it and resolves when everything that follows from it without help has happened. */
  ask(message: object): Promise<void>;
  /** From now on it reads nothing. */
  stopReading(): void;
  /** Reads all that waits, once. */
  read(): void;
  leave(): void;
}

interface State {
  reads: boolean;
  unread: number;
  touches: number;
  paused: boolean;
  closed: FakeClient["closed"];
}

export function connect(
  hub: LiveHub,
  { query = {}, mayWrite = true, client = null, reads = true }: Partial<Visitor> & { reads?: boolean } = {},
): FakeClient {
  const received: Received[] = [];
  const state: State = { reads, unread: 0, touches: 0, paused: false, closed: null };
  const connection = hub.open(
    {
      send(text) {
        state.touches++;
        if (!state.reads) state.unread += text.length;
        received.push(JSON.parse(text));
      },
      unsentBytes() {
        state.touches++;
        return state.unread;
      },
      pause() {
        state.paused = true;
      },
      resume() {
        state.paused = false;
      },
      close(code, reason) {
        state.closed = { code, reason };
      },
    },
    { query, mayWrite, client },
  );

  const sayRaw = (data: string | Buffer) => connection?.receive(data);
  const say = (message: object) => sayRaw(JSON.stringify(message));
  return {
    received,
    get unread() {
      return state.unread;
    },
    get touches() {
      return state.touches;
    },
    get paused() {
      return state.paused;
    },
    get closed() {
      return state.closed;
    },
    say,
    sayRaw,
    async ask(message) {
      say(message);
      await turn();
    },
    stopReading() {
      state.reads = false;
    },
    read() {
      state.unread = 0;
      connection?.drained();
    },
    leave: () => connection?.closed(),
  };
}

/** Resolves when all that can happen without anyone's help has happened. */
export function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

/** What was received, in short: `task_started 3`, `snapshot task_queued`, `submitted`. The number is that of the event. */
export function inShort(received: readonly Received[], first: number): string[] {
  return received.map(({ type, seq = 0, snapshot }) => {
    if (snapshot) return `snapshot ${type}`;
    return seq === 0 ? type : `${type} ${seq - first}`;
  });
}
