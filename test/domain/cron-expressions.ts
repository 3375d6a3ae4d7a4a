import fc from "fast-check";

const hour = 3_600_000;
const day = 24 * hour;

const number = (least: number, most: number) => fc.integer({ min: least, max: most }).map(String);
const range = (least: number, most: number) =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most })).map((ends) => {
    const [first = least, last = most] = ends.toSorted((a, b) => a - b);
    return `${first}-${last}`;
  });

/** One item of a field, or a list of a few. */
function field(least: number, most: number, ...more: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  const step = fc.integer({ min: 2, max: most }).map((every) => `*/${every}`);
  const stepped = fc.tuple(range(least, most), number(1, most)).map(([ends, every]) => `${ends}/${every}`);
  const item = fc.oneof(number(least, most), range(least, most), step, stepped, ...more);
  const list = fc.array(item, { minLength: 2, maxLength: 3 }).map((items) => items.join(","));
  return fc.oneof({ arbitrary: item, weight: 4 }, { arbitrary: list, weight: 1 });
}

const star = fc.constant("*");
export const minutes = fc.oneof(star, field(0, 59));
const hours = fc.oneof(star, field(0, 23), number(0, 4));
const dates = fc.oneof(
  { arbitrary: star, weight: 3 },
  {
    arbitrary: field(
      1,
      31,
      fc.constant("L"),
      number(1, 31).map((date) => `${date}W`),
    ),
    weight: 2,
  },
  fc.constantFrom("LW", "?", "30", "31", "29"),
);
const months = fc.oneof(
  { arbitrary: star, weight: 4 },
  field(1, 12),
  fc.constantFrom("JAN", "feb", "MAR-OCT", "2", "2,4", "jan,Jul-DEC"),
);
const weekday = fc.oneof(number(0, 7), fc.constantFrom("MON", "fri", "Sun"));
const nth = fc.tuple(fc.oneof(weekday, fc.constant("1-5")), fc.constantFrom("#1", "#2", "#3", "#4", "#5", "#L", "L"));
export const weekdays = fc.oneof(
  { arbitrary: star, weight: 3 },
  {
    arbitrary: field(
      0,
      7,
      weekday,
      nth.map((parts) => parts.join("")),
    ),
    weight: 2,
  },
  fc.constantFrom("MON-FRI", "FRI-SUN", "+5", "+MON#5", "+1-5", "?", "sun,7#2", "7#1,0L"),
);

const inMinutes = fc.tuple(minutes, hours, dates, months, weekdays).map((parts) => parts.join(" "));
const inSeconds = fc.tuple(fc.oneof(star, field(0, 59)), inMinutes).map((parts) => parts.join(" "));
const onDays = fc.tuple(number(0, 59), number(0, 23), dates, months, weekdays).map((parts) => parts.join(" "));
const nicknames = fc.constantFrom("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly");
/** Valid expressions, but for those that never come due. */
export const expressions = fc.oneof(inMinutes, inSeconds, onDays, nicknames);

/** With `window`, how long to look at them: shorter for what is due often. */
export const schedules = fc.oneof(
  fc.record({ expression: inMinutes, window: fc.constant(5 * day) }),
  fc.record({ expression: inSeconds, window: fc.constant(5 * hour) }),
  fc.record({ expression: fc.oneof(onDays, nicknames), window: fc.constant(400 * day) }),
);
