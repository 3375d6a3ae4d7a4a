export interface WrongKeysOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Wrong keys that a client may try in a window. */
  readonly tries?: number;
  readonly windowMs?: number;
  /** Clients to remember; the one not heard of for longest is forgotten first. */
  readonly clients?: number;
}

interface Client {
  wrong: number;
  windowEndsAt: number;
  /** Names of the keys that have worked from there. */
  readonly proven: Set<string>;
}

/**
 * Counts the wrong keys that each client tries, so that keys cannot be guessed at speed. A client that has tried too many
 * is let in by no further key for a while, be it the right one: it would learn which one that is. Keys that worked from
 * there before go on working, so that whoever shares an address with a guesser, as behind a proxy, is not locked out.
 */
export class WrongKeys {
  readonly #now: () => number;
  readonly #tries: number;
  readonly #windowMs: number;
  readonly #mostClients: number;
  /** The one heard of last comes last. */
  readonly #clients = new Map<string, Client>();

  constructor({ now, tries = 10, windowMs = 60_000, clients = 10_000 }: WrongKeysOptions) {
    this.#now = now;
    this.#tries = tries;
    this.#windowMs = windowMs;
    this.#mostClients = clients;
  }

  /** Clients that are remembered. */
  get size(): number {
    return this.#clients.size;
  }

  /**
   * A key was sent that is right, with its name, or that is none (null).
   * @param client as `clientOf` names it.
   * @returns seconds for which this client is refused whatever it sends, or 0.
   */
  heard(client: string, name: string | null): number {
    const known = this.#remember(client);
    if (name !== null && known.proven.has(name)) return 0;
    const left = known.wrong < this.#tries ? 0 : known.windowEndsAt - this.#now();
    if (left > 0) return left / 1_000;
    if (name !== null) known.proven.add(name);
    else this.#count(known);
    return 0;
  }

  #count(client: Client): void {
    const now = this.#now();
    if (client.windowEndsAt <= now) {
      client.wrong = 0;
      client.windowEndsAt = now + this.#windowMs;
    }
    client.wrong++;
  }

  #remember(client: string): Client {
    const known = this.#clients.get(client) ?? { wrong: 0, windowEndsAt: 0, proven: new Set() };
    this.#clients.delete(client);
    this.#clients.set(client, known);
    const [oldest] = this.#clients.keys();
    if (this.#clients.size > this.#mostClients && oldest !== undefined) this.#clients.delete(oldest);
    return known;
  }
}
