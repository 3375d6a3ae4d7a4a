/**
 * Tells whether something that came from a server is what it should be. The server has a library for that, which takes
 * longer to load than a command takes to run.
 */
export type Guard<Value> = (value: unknown) => value is Value;

export type Guarded<Of> = Of extends Guard<infer Value> ? Value : never;

export const text: Guard<string> = (value) => typeof value === "string";
export const number: Guard<number> = (value) => typeof value === "number";
export const flag: Guard<boolean> = (value) => typeof value === "boolean";
export const anything: Guard<unknown> = (value): value is unknown => value !== undefined;
export const record: Guard<Readonly<Record<string, unknown>>> = (value): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function orNull<Value>(guard: Guard<Value>): Guard<Value | null> {
  return (value): value is Value | null => value === null || guard(value);
}

/** A member that may be missing. */
export function optional<Value>(guard: Guard<Value>): Guard<Value | undefined> {
  return (value): value is Value | undefined => value === undefined || guard(value);
}

export function listOf<Value>(guard: Guard<Value>): Guard<readonly Value[]> {
  return (value): value is readonly Value[] => Array.isArray(value) && value.every((item) => guard(item));
}

export function mapOf<Value>(guard: Guard<Value>): Guard<Readonly<Record<string, Value>>> {
  return (value): value is Readonly<Record<string, Value>> =>
    record(value) && Object.values(value).every((item) => guard(item));
}

/** An object with at least these members: servers to come may add others. */
export function shape<Members extends Readonly<Record<string, Guard<unknown>>>>(members: Members) {
  type Shape = { readonly [Name in keyof Members]: Guarded<Members[Name]> };
  return (value: unknown): value is Shape =>
    record(value) && Object.entries(members).every(([name, guard]) => guard(value[name]));
}
