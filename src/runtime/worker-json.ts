import { maxResultBytes, maxResultDepth } from "./worker-limits.ts";
import { describeThrown } from "./worker-thrown.ts";

/**
 * A handler's result as JSON text; null for `undefined` and `null`. What JSON would change or drop unseen is refused.
 * @throws InvalidResultError that says what is wrong, and where.
 */
export function encodeResult(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  const text = stringify(value);
  if (text === undefined || text === "null") return null;
  if (Buffer.byteLength(text) > maxResultBytes) throw tooLarge();
  return text;
}

/** A handler returned what JSON cannot hold, or too much of it. */
export class InvalidResultError extends Error {
  override readonly name = "InvalidResultError";
}

/** As it was before any handler could change it. */
const toText = JSON.stringify;

function stringify(value: unknown): string | undefined {
  const walk = new Walk();
  try {
    return toText(value, function (this: object, key: string, item: unknown) {
      return walk.visit(this, key, item);
    });
  } catch (error) {
    if (error instanceof InvalidResultError) throw error;
    const thrown = describeThrown(error, "").error;
    throw new InvalidResultError(`a getter, toJSON or proxy in the result threw ${thrown}`, { cause: error });
  }
}

/** Follows `JSON.stringify` through a value, and refuses what it would have let pass. */
class Walk {
  /** The objects from the outermost to the one being read, and the keys that lead to them. */
  readonly #holders: object[] = [];
  readonly #keys: (string | number)[] = [];
  /** A lower bound of the text's length, so that a huge value is refused before it is written out. */
  #length = 0;

  visit(holder: object, key: string, item: unknown): unknown {
    while (this.#holders.length > 0 && this.#holders.at(-1) !== holder) {
      this.#holders.pop();
      this.#keys.pop();
    }
    const inArray = Array.isArray(holder);
    const step = inArray ? Number(key) : key;
    const refusal = this.#refusal(item, inArray);
    if (refusal !== null) throw new InvalidResultError(`${this.#path(step)} ${refusal}`);

    this.#length += (inArray ? 1 : key.length) + (typeof item === "string" ? item.length : 1);
    if (this.#length > maxResultBytes) throw tooLarge();
    if (typeof item === "object" && item !== null) {
      this.#holders.push(item);
      this.#keys.push(step);
    } else if (item === null && isInvalidDate(holder, key)) {
      throw new InvalidResultError(`${this.#path(step)} is an invalid Date, which JSON cannot hold`);
    }
    return item;
  }

  #refusal(item: unknown, inArray: boolean): string | null {
    switch (typeof item) {
      case "string":
      case "boolean":
        return null;
      case "number":
        return Number.isFinite(item) ? null : `is ${item}, which JSON cannot hold`;
      case "bigint":
        return "is a BigInt, which JSON cannot hold";
      case "symbol":
        return "is a symbol, which JSON cannot hold";
      case "function":
        return "is a function, which JSON cannot hold";
      case "undefined":
        return inArray ? "is undefined, which a JSON array cannot hold" : null;
      default:
        return typeof item === "object" && item !== null ? this.#objectRefusal(item) : null;
    }
  }

  #objectRefusal(item: object): string | null {
    if (this.#holders.includes(item)) return "contains itself, which JSON cannot hold";
    if (this.#holders.length >= maxResultDepth) return `is nested deeper than ${maxResultDepth} levels`;
    if (Array.isArray(item)) return null;
    const tag = Object.prototype.toString.call(item).slice("[object ".length, -1);
    if (tag === "Object") return null;
    return `is ${/^[AEIOU]/.test(tag) ? "an" : "a"} ${tag}, which JSON cannot hold`;
  }

  /** `result.items[3]`. The first key is the empty one under which the whole result is read. */
  #path(last: string | number): string {
    const steps = [...this.#keys, last].slice(1);
    return steps.map(segment).reduce((path, step) => (path + step).slice(-500), "result");
  }
}

function segment(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 80))}]`;
}

function tooLarge(): InvalidResultError {
  return new InvalidResultError(
    `the result is larger than ${maxResultBytes} bytes of JSON, the most a task may return`,
  );
}

/** Its `toJSON` says null, which would lose it without a word. */
function isInvalidDate(holder: object, key: string): boolean {
  const original: unknown = Object.getOwnPropertyDescriptor(holder, key)?.value;
  return original instanceof Date;
}
