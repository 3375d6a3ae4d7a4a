import type { Target } from "./client.ts";
import { type Guarded, shape, text } from "./shape.ts";

/** A message of the server, of whichever type. */
export type SocketMessage = Guarded<typeof isMessage>;

/** A WebSocket to the server. */
export interface Connection extends Disposable {
  send(message: object): void;
  /** Ends when the connection does, or is disposed of. */
  messages(): AsyncGenerator<SocketMessage, void>;
}

/** How long a connection may take to open. */
const openWithinMs = 5_000;
/** One that says nothing for twice as long is dead. */
const pingEveryMs = 15_000;

/** Connects, to go on after the event `since` if it is given; resolves with null when there is no connection to be had. */
export function connectSocket({ url, key }: Target, since: number | null): Promise<Connection | null> {
  const address = `${url.replace(/^http/, "ws")}/ws${since === null ? "" : `?since=${since}`}`;
  const socket = new WebSocket(address, key === null ? [] : ["bearer", key]);
  const { promise, resolve } = Promise.withResolvers<Connection | null>();
  const waiting: SocketMessage[] = [];
  let wake = Promise.withResolvers<void>();
  let isOpen = true;
  let isQuiet = false;
  let pinging: ReturnType<typeof setInterval> | undefined;
  const opening = setTimeout(() => end(), openWithinMs);

  function end(): void {
    isOpen = false;
    clearTimeout(opening);
    clearInterval(pinging);
    socket.close();
    wake.resolve();
    resolve(null);
  }

  function pingOrEnd(): void {
    if (isQuiet) end();
    else send({ type: "ping" });
    isQuiet = true;
  }

  function send(message: object): void {
    socket.send(JSON.stringify(message));
  }

  async function* messages(): AsyncGenerator<SocketMessage, void> {
    for (;;) {
      const message = waiting.shift();
      if (message !== undefined) yield message;
      else if (isOpen) await wake.promise;
      else return;
      wake = Promise.withResolvers();
    }
  }

  socket.onopen = () => {
    clearTimeout(opening);
    pinging = setInterval(pingOrEnd, pingEveryMs);
    resolve({ send, messages, [Symbol.dispose]: end });
  };
  socket.onmessage = ({ data }) => {
    isQuiet = false;
    const message: unknown = JSON.parse(String(data));
    if (isMessage(message)) waiting.push(message);
    wake.resolve();
  };
  socket.onclose = end;
  socket.onerror = end;
  return promise;
}

const isMessage = shape({ type: text });
