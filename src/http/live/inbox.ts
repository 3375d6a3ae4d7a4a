export interface InboxOptions<Message> {
  /** Answers one message; never rejects. */
  readonly serve: (message: Message) => Promise<void>;
  /** Bytes that may wait before the sender is paused. */
  readonly limitBytes: number;
  readonly pause: () => void;
  readonly resume: () => void;
}

/** What a message takes up beside its text. */
const overheadBytes = 1_024;

/** Serves messages one after the other, and has their sender paused while too many wait. */
export class Inbox<Message> {
  readonly #options: InboxOptions<Message>;
  readonly #waiting: { readonly message: Message; readonly bytes: number }[] = [];
  /** Of what waits and what is being served. */
  #bytes = 0;
  #state: "idle" | "serving" | "closed" = "idle";
  #paused = false;

  constructor(options: InboxOptions<Message>) {
    this.#options = options;
  }

  push(message: Message, textBytes: number): void {
    if (this.#state === "closed") return;
    const bytes = textBytes + overheadBytes;
    this.#waiting.push({ message, bytes });
    this.#bytes += bytes;
    if (this.#state === "idle") void this.#serveAll();
    if (this.#bytes > this.#options.limitBytes && !this.#paused) {
      this.#paused = true;
      this.#options.pause();
    }
  }

  /** Drops what waits and takes no more. */
  close(): void {
    this.#state = "closed";
    this.#waiting.length = 0;
  }

  async #serveAll(): Promise<void> {
    this.#state = "serving";
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#options.serve(next.message);
      this.#bytes -= next.bytes;
      if (this.#paused && this.#bytes <= this.#options.limitBytes / 2 && this.#isOpen()) {
        this.#paused = false;
        this.#options.resume();
      }
    }
    if (this.#isOpen()) this.#state = "idle";
  }

  #isOpen(): boolean {
    return this.#state !== "closed";
  }
}
