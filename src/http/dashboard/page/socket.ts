import { access, currentKey } from "./api.ts";
import type { TaskEvent } from "./wire.ts";

/** What a socket tells whoever opened it. */
export interface SocketListener {
  event(event: TaskEvent): void;
  /** It is connected, for the first time or again. Events may have been missed when `complete` is false. */
  connected(how: { readonly complete: boolean }): void;
  /** It has lost the server, and tries again at `retryAt`. */
  lost(retryAt: number): void;
}

export interface Socket {
  close(): void;
}

const pingEveryMs = 15_000;
const silenceMs = 10_000;
const longestWaitMs = 10_000;

/** Hears all events, or those of one task, for as long as it is not closed: it connects again after every drop. */
export function openSocket(listener: SocketListener, taskId: string | null = null): Socket {
  let socket: WebSocket | null = null;
  let latest: number | null = null;
  let failures = 0;
  let closed = false;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  const pinging = setInterval(ping, pingEveryMs);

  function connect(): void {
    clearTimeout(retry);
    // It goes on when there is a key that does.
    if (access.value.key !== "fine") return;
    const key = currentKey();
    const url = new URL("/ws", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (latest !== null && taskId === null) url.searchParams.set("since", String(latest));
    const resumes = url.searchParams.has("since");
    const opened = new WebSocket(url, key === null ? [] : ["bearer", key]);
    socket = opened;
    opened.onopen = () => {
      failures = 0;
      if (taskId !== null) opened.send(JSON.stringify({ type: "subscribe", task_id: taskId }));
      listener.connected({ complete: resumes });
    };
    opened.onmessage = ({ data }) => {
      clearTimeout(silence);
      silence = undefined;
      const message: TaskEvent | { readonly type: "resume_failed"; readonly latest: number } = JSON.parse(data);
      if ("task" in message) {
        latest = message.seq;
        listener.event(message);
      } else if (message.type === "resume_failed") {
        latest = message.latest;
        listener.connected({ complete: false });
      }
    };
    opened.onclose = () => {
      if (socket !== opened || closed) return;
      socket = null;
      failures += 1;
      const waitMs = Math.min(longestWaitMs, 250 * 2 ** failures) * (0.75 + Math.random() / 2);
      retry = setTimeout(connect, waitMs);
      listener.lost(Date.now() + waitMs);
    };
  }

  /** A connection may be dead without a word, after a sleep of the machine for one. */
  function ping(): void {
    if (socket?.readyState !== WebSocket.OPEN || silence !== undefined) return;
    socket.send('{"type":"ping"}');
    silence = setTimeout(() => {
      silence = undefined;
      socket?.close();
      socket?.onclose?.(new CloseEvent("close"));
    }, silenceMs);
  }

  function connectNow(): void {
    if (socket === null && !closed) connect();
  }

  const unlisten = access.listen(({ key }) => {
    if (key === "fine") connectNow();
  });
  addEventListener("online", connectNow);
  connect();
  return {
    close() {
      closed = true;
      unlisten();
      removeEventListener("online", connectNow);
      clearInterval(pinging);
      clearTimeout(retry);
      clearTimeout(silence);
      socket?.close();
    },
  };
}
