import type { TaskEvent } from "../../domain/event.ts";
import type { Log } from "../../domain/log.ts";
import type { Engine } from "../../engine/engine.ts";
import { renderEvent } from "../render.ts";
import { type Exchange, LiveConnection, type Visitor } from "./connection.ts";
import { defaultLimits, type LiveLimits } from "./limits.ts";
import type { Outlet } from "./outlet.ts";

export interface HubOptions {
  readonly log: Log;
  readonly limits?: Partial<LiveLimits>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** All connections, and who of them hears what: one listener on the bus, each event rendered once. */
export class LiveHub implements Exchange {
  readonly engine: Engine;
  readonly log: Log;
  readonly limits: LiveLimits;
  readonly now: () => number;
  /** Messages of all connections, since the start. */
  readonly messages = { received: 0, sent: 0 };
  /** Each with its client. */
  readonly #connections = new Map<LiveConnection, string | null>();
  readonly #everything = new Set<LiveConnection>();
  readonly #followers = new Map<string, Set<LiveConnection>>();
  #unlisten: (() => void) | null = null;
  #rendered: { readonly event: TaskEvent; readonly text: string } | null = null;
  #closing = false;

  constructor(engine: Engine, { log, limits = {}, now = Date.now }: HubOptions) {
    this.engine = engine;
    this.log = log;
    this.limits = { ...defaultLimits, ...limits };
    this.now = now;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Tasks that any connection follows. */
  get followedTasks(): number {
    return this.#followers.size;
  }

  /** Takes a connection in; closes it and returns null when there are too many or the server stops. */
  open(outlet: Outlet, visitor: Visitor): LiveConnection | null {
    if (this.#closing) {
      outlet.close(1001, "the server stops");
      return null;
    }
    if (this.#isFullFor(visitor.client)) {
      outlet.close(1013, "too many connections");
      return null;
    }
    this.#unlisten ??= this.engine.events.listen((event) => this.#tell(event));
    const connection = new LiveConnection(this, outlet, visitor);
    this.#connections.set(connection, visitor.client);
    connection.start();
    return connection;
  }

  /** Closes every connection with 1001 and takes no more. */
  close(): void {
    this.#closing = true;
    for (const connection of this.#connections.keys()) connection.end(1001, "the server stops");
  }

  text(event: TaskEvent): string {
    if (this.#rendered?.event !== event) this.#rendered = { event, text: renderEvent(event) };
    return this.#rendered.text;
  }

  hearEverything(connection: LiveConnection): void {
    this.#everything.add(connection);
  }

  leaveEverything(connection: LiveConnection): void {
    this.#everything.delete(connection);
  }

  follow(connection: LiveConnection, taskId: string): void {
    const followers = this.#followers.get(taskId);
    if (followers === undefined) this.#followers.set(taskId, new Set([connection]));
    else followers.add(connection);
  }

  unfollow(connection: LiveConnection, taskId: string): void {
    const followers = this.#followers.get(taskId);
    if (followers?.delete(connection) && followers.size === 0) this.#followers.delete(taskId);
  }

  forget(connection: LiveConnection): void {
    this.#everything.delete(connection);
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    this.#unlisten?.();
    this.#unlisten = null;
    this.#rendered = null;
  }

  #isFullFor(client: string | null): boolean {
    const { connections, connectionsPerClient } = this.limits;
    if (this.#connections.size >= connections) return true;
    if (client === null) return false;
    return [...this.#connections.values()].filter((other) => other === client).length >= connectionsPerClient;
  }

  #tell(event: TaskEvent): void {
    for (const connection of this.#everything) connection.deliver(event);
    for (const connection of this.#followers.get(event.task.id) ?? []) connection.deliver(event);
  }
}
