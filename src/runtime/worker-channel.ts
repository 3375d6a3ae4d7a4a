import type { ChildMessage, ParentMessage } from "./protocol.ts";

/** The way to the server and back. Handler code cannot reach it: `process.send` is gone once it is open. */
export interface Channel {
  send(message: ChildMessage): void;
}

/** Opens the channel; call it once, before any handler code runs. Without a server the process exits. */
export function openChannel(receive: (message: ParentMessage) => void): Channel {
  const send = process.send?.bind(process);
  if (send === undefined) throw new Error("a worker is started by the server, not by hand");
  for (const name of ["send", "disconnect"]) {
    Object.defineProperty(process, name, { value: undefined, configurable: true, writable: true });
  }
  process.on("disconnect", () => process.exit(1));
  process.on("message", receive);
  function post(message: ChildMessage): void {
    try {
      send?.(message);
    } catch {
      // The channel is closed: the server is gone, or gave this worker up.
      process.exit(1);
    }
  }

  return {
    send(message) {
      // A handler that took the listeners off would leave the next attempt waiting for ever.
      const isDeaf = message.type === "ended" && process.listenerCount("message") === 0;
      if (isDeaf) post({ type: "exiting", suspects: [] });
      post(message);
      if (isDeaf) process.exit(1);
    },
  };
}
