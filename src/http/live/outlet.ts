import type { ServerWebSocket } from "bun";

/** A socket, as far as a connection needs it. */
export interface Outlet {
  send(text: string): void;
  /** Bytes sent that still wait in this process for the client to read. */
  unsentBytes(): number;
  /** Stops reading: what the client sends then waits with the client. */
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
}

/** @param counted gets one more `sent` with each message. */
export function outletOf(socket: ServerWebSocket<unknown>, counted: { sent: number }): Outlet {
  return {
    send(text) {
      counted.sent += 1;
      socket.sendText(text);
    },
    unsentBytes: () => socket.getBufferedAmount(),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: (code, reason) => socket.close(code, reason),
  };
}
