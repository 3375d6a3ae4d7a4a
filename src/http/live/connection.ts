import { TaskflowError, validationFailed } from "../../domain/error.ts";
import type { TaskEvent } from "../../domain/event.ts";
import type { Log } from "../../domain/log.ts";
import { isFinal, type Task } from "../../domain/task.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Submission } from "../../engine/submit.ts";
import { renderTask } from "../render.ts";
import { Following, isLater } from "./following.ts";
import { Inbox } from "./inbox.ts";
import type { LiveLimits } from "./limits.ts";
import {
  answer,
  errorAnswer,
  type LiveRequest,
  type Message,
  type MessageId,
  readMessage,
  readSince,
  snapshot,
} from "./message.ts";
import type { Outlet } from "./outlet.ts";

/** Who connects, and with what. */
export interface Visitor {
  /** Whether it may submit and cancel. */
  readonly mayWrite: boolean;
  /** Who it is among those that have so many connections; null for nobody in particular. */
  readonly client: string | null;
  /** The parameters of its URL. */
  readonly query: unknown;
}

/** What a connection needs of whoever keeps all of them. */
export interface Exchange {
  readonly engine: Engine;
  readonly log: Log;
  readonly limits: LiveLimits;
  readonly now: () => number;
  /** `event` as the wire has it, rendered once for all who hear it. */
  text(event: TaskEvent): string;
  /** From now on `connection` gets every event, until it leaves. */
  hearEverything(connection: LiveConnection): void;
  leaveEverything(connection: LiveConnection): void;
  /** From now on `connection` gets the events of that task. */
  follow(connection: LiveConnection, taskId: string): void;
  unfollow(connection: LiveConnection, taskId: string): void;
  /** `connection` has ended and follows nothing any more. */
  forget(connection: LiveConnection): void;
}

/** A task whose present state is being looked up, and what becomes of it meanwhile. */
interface Joining {
  readonly taskId: string;
  readonly isNew: boolean;
  latest: Task | null;
}

/**
 * One client: answers its messages one after the other, and tells it what it wants to hear, in the order of `seq`. The
 * answer to `subscribe` and `submit` comes before the task's first event.
 */
export class LiveConnection {
  readonly #hub: Exchange;
  readonly #outlet: Outlet;
  readonly #visitor: Visitor;
  readonly #inbox: Inbox<Message>;
  readonly #following: Following;
  #open = true;
  /** `narrowing` while a request is under way that ends hearing everything if it succeeds. */
  #scope: "everything" | "narrowing" | "own" = "everything";
  /** Up to which `seq` everything was told, while it is not heard live. */
  #cursor: number | null = null;
  #joining: Joining | null = null;
  /** Events that wait until a submission is answered. */
  #held: TaskEvent[] | null = null;
  #heldBytes = 0;

  constructor(hub: Exchange, outlet: Outlet, visitor: Visitor) {
    this.#hub = hub;
    this.#outlet = outlet;
    this.#visitor = visitor;
    this.#inbox = new Inbox({
      serve: (message) => this.#serve(message),
      limitBytes: hub.limits.inboxBytes,
      pause: () => outlet.pause(),
      resume: () => outlet.resume(),
    });
    this.#following = new Following({
      begin: (taskId) => hub.follow(this, taskId),
      end: (taskId) => hub.unfollow(this, taskId),
    });
  }

  /** Begins to tell, from where the client left off if it says so. */
  start(): void {
    try {
      this.#cursor = readSince(this.#visitor.query);
    } catch (error) {
      this.#send(errorAnswer(this.#refusalOf(error), null));
    }
    this.#hearEverything();
  }

  /** A message came: text, or a buffer when it was binary. */
  receive(data: string | Buffer): void {
    this.#inbox.push(readMessage(data, this.#hub.limits.messageBytes), data.length);
  }

  /** The client has read some of what waited for it. */
  drained(): void {
    if (this.#cursor !== null) this.#hearEverything();
  }

  /** Something happened that this connection wants to hear. */
  deliver(event: TaskEvent): void {
    if (this.#joining?.taskId === event.task.id) {
      this.#joining.latest = event.task;
      // Its state is about to be shown, and this is part of it.
      if (this.#joining.isNew) return;
    }
    if (this.#held === null) this.#tell(event);
    else this.#hold(event, this.#held);
  }

  /** Closes the socket, and forgets everything at once however long the client takes to notice. */
  end(code: number, reason: string): void {
    this.closed();
    this.#outlet.close(code, reason);
  }

  /** The socket is closed. */
  closed(): void {
    this.#open = false;
    this.#inbox.close();
    this.#following.close();
    this.#hub.forget(this);
  }

  async #serve({ id, request }: Message): Promise<void> {
    try {
      if (request instanceof TaskflowError) throw request;
      await this.#carryOut(request, id);
    } catch (error) {
      this.#send(errorAnswer(this.#refusalOf(error), id));
    }
  }

  async #carryOut(request: LiveRequest, id: MessageId | null): Promise<void> {
    switch (request.type) {
      case "ping":
        return this.#send(answer("pong", id));
      case "subscribe":
        return this.#subscribe(request.taskId, id);
      case "unsubscribe":
        this.#following.delete(request.taskId);
        return this.#send(answer("unsubscribed", id, `,"task_id":${JSON.stringify(request.taskId)}`));
      case "submit":
        return this.#submit(request.submission, id);
      case "cancel":
        return this.#cancel(request.taskId, id);
      default:
        return request satisfies never;
    }
  }

  async #subscribe(taskId: string, id: MessageId | null): Promise<void> {
    if (!this.#following.has(taskId)) this.#requireRoom();
    const subscribed = answer("subscribed", id, `,"task_id":${JSON.stringify(taskId)}`);
    await this.#narrow(() => this.#followFromNow(taskId, () => this.#send(subscribed)));
  }

  async #submit(submission: Submission, id: MessageId | null): Promise<void> {
    this.#requireWrite();
    this.#requireRoom();
    const { events } = this.#hub.engine;
    const from = events.latest;
    this.#held = [];
    try {
      await this.#narrow(async () => {
        const [task] = await this.#hub.engine.submit([submission]);
        if (task === undefined) throw new Error("submitting one task gave none");
        this.#scope = "own";
        this.#send(answer("submitted", id, `,"task":${renderTask(task)}`));
        // Nobody knew its id before, so what has happened to it already is looked up.
        const missed = events.since(from)?.filter((event) => event.task.id === task.id);
        if (missed === undefined) return this.#followFromNow(task.id, () => this.#release([]));
        this.#following.add(task.id);
        this.#release(missed);
      });
    } finally {
      this.#release([]);
    }
  }

  async #cancel(taskId: string, id: MessageId | null): Promise<void> {
    this.#requireWrite();
    const task = await this.#hub.engine.cancel(taskId);
    this.#send(answer(isFinal(task.status) ? "cancelled" : "cancelling", id, `,"task":${renderTask(task)}`));
  }

  /** Does what ends hearing everything. When it is refused nothing has changed, and nothing is missed. */
  async #narrow(work: () => Promise<void>): Promise<void> {
    if (this.#scope === "own") return work();
    this.#scope = "narrowing";
    this.#cursor ??= this.#hub.engine.events.latest;
    this.#hub.leaveEverything(this);
    try {
      await work();
    } finally {
      if (this.#scope === "narrowing") {
        this.#scope = "everything";
        this.#hearEverything();
      }
    }
  }

  /** Follows a task: tells its present state, after `announce`, and then what happens to it. */
  async #followFromNow(taskId: string, announce: () => void): Promise<void> {
    const isNew = !this.#following.has(taskId);
    const joining: Joining = { taskId, isNew, latest: null };
    this.#joining = joining;
    this.#following.add(taskId);
    try {
      const found = await this.#hub.engine.find(taskId);
      this.#scope = "own";
      announce();
      const task = joining.latest === null || isLater(found, joining.latest) ? found : joining.latest;
      this.#following.show(task);
      this.#send(snapshot(task, this.#hub.now(), this.#hub.engine.events.latest));
    } catch (error) {
      if (isNew) this.#following.delete(taskId);
      throw error;
    } finally {
      this.#joining = null;
    }
  }

  /** Tells what has happened since the cursor, as fast as it is read, and then what happens. */
  #hearEverything(): void {
    if (this.#scope !== "everything") return;
    const { events } = this.#hub.engine;
    const missed = this.#cursor === null ? [] : events.since(this.#cursor);
    if (missed === null) {
      this.#send(answer("resume_failed", null, `,"since":${this.#cursor},"latest":${events.latest}`));
    }
    for (const event of missed ?? []) {
      // The rest waits in the bus's history and not in the socket, until this much is read.
      if (this.#outlet.unsentBytes() > this.#hub.limits.softBytes) return;
      this.#tell(event);
      this.#cursor = event.seq;
    }
    this.#cursor = null;
    if (this.#open) this.#hub.hearEverything(this);
  }

  #hold(event: TaskEvent, held: TaskEvent[]): void {
    held.push(event);
    this.#heldBytes += this.#hub.text(event).length;
    if (this.#heldBytes > this.#hub.limits.hardBytes) this.end(1013, "too slow");
  }

  /** Tells what was held, with `more`, and holds nothing from now on. */
  #release(more: readonly TaskEvent[]): void {
    const events = [...(this.#held ?? []), ...more].sort((a, b) => a.seq - b.seq);
    this.#held = null;
    this.#heldBytes = 0;
    for (const event of events) this.#tell(event);
  }

  #tell(event: TaskEvent): void {
    if (!this.#following.admits(event)) return;
    const isExpendable = event.type === "task_progress" || event.type === "task_log";
    if (isExpendable && this.#outlet.unsentBytes() > this.#hub.limits.softBytes) return;
    this.#send(this.#hub.text(event));
  }

  #send(text: string): void {
    if (!this.#open) return;
    if (this.#outlet.unsentBytes() > this.#hub.limits.hardBytes) this.end(1013, "too slow");
    else this.#outlet.send(text);
  }

  #requireWrite(): void {
    if (!this.#visitor.mayWrite) throw new TaskflowError("forbidden", "The key may only read.");
  }

  #requireRoom(): void {
    const { followed } = this.#hub.limits;
    if (this.#following.size < followed) return;
    throw validationFailed([{ path: "", message: `the connection follows ${followed} tasks already` }]);
  }

  #refusalOf(error: unknown): TaskflowError {
    if (error instanceof TaskflowError) return error;
    this.#hub.log.error({ error }, "WebSocket message failed");
    return new TaskflowError("internal", "Something went wrong on the server; its log says what.");
  }
}
