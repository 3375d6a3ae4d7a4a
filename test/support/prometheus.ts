/** One line of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric with its samples, those of a histogram with their endings. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

/**
 * The metrics in `text`.
 * @throws Error on a line that is none of Prometheus' text format, or that stands below no `# TYPE`.
 */
export function parseMetrics(text: string): readonly Family[] {
  const families: (Family & { samples: Sample[] })[] = [];
  let help = "";
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.*)$/.exec(line);
    if (comment?.[1] === "HELP") help = `${comment[2]} ${comment[3]}`;
    else if (comment !== null) families.push(familyOf(comment[2] ?? "", comment[3] ?? "", help));
    else {
      const sample = sampleOf(line);
      const family = families.at(-1);
      if (family === undefined || !sample.name.startsWith(family.name)) throw new Error(`${line} is of no metric`);
      family.samples.push(sample);
    }
  }
  return families;
}

/** What `promtool check metrics` complains of, as far as it concerns names, types and help. */
export function lint(families: readonly Family[]): readonly string[] {
  return families.flatMap((family) =>
    lintRules.flatMap(([complaint, isBroken]) => (isBroken(family) ? [`${family.name}: ${complaint}`] : [])),
  );
}

const units =
  "s|sec|ms|msec|milliseconds?|us|micros|nanoseconds?|ns|minutes?|hours?|days?|kb|kilobytes?|mb|megabytes?|gb|bits?|percent";
const otherUnit = new RegExp(`_(${units})(_total)?$`);
const lintRules: readonly (readonly [string, (family: Family) => boolean])[] = [
  ["no help", ({ help }) => help === ""],
  ["no such type", ({ type }) => !["counter", "gauge", "histogram"].includes(type)],
  ["a counter ends in _total", ({ type, name }) => type === "counter" && !name.endsWith("_total")],
  ["only a counter ends in _total", ({ type, name }) => type !== "counter" && name.endsWith("_total")],
  ["an ending of histograms", ({ name }) => /_(count|sum|bucket)$/.test(name)],
  ["its type in its name", ({ name }) => /_(gauge|counter|histogram|summary)(_|$)/.test(name)],
  ["a colon, which is for rules", ({ name }) => name.includes(":")],
  ["camelCase", ({ name }) => /[A-Z]/.test(name)],
  ["a unit that is no base unit", ({ name }) => otherUnit.test(name)],
  [
    "the same series twice",
    ({ samples }) =>
      new Set(samples.map((sample) => JSON.stringify([sample.name, sample.labels]))).size < samples.length,
  ],
  [
    "a label that is no snake_case",
    ({ samples }) => samples.some(({ labels }) => Object.keys(labels).some((name) => !/^[a-z][a-z0-9_]*$/.test(name))),
  ],
  ["no number", ({ samples }) => samples.some(({ value }) => Number.isNaN(value))],
  ["buckets that do not rise to the count", (family) => family.type === "histogram" && !rises(family)],
];

function rises({ name, samples }: Family): boolean {
  const series = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  return [...series.values()].every((own) => {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const count = own.find((sample) => sample.name === `${name}_count`)?.value;
    const isRising = buckets.every(({ value }, index) => value >= (buckets[index - 1]?.value ?? 0));
    return isRising && buckets.at(-1)?.labels.le === "+Inf" && buckets.at(-1)?.value === count;
  });
}

function familyOf(name: string, type: string, help: string) {
  return { name, type, help: help.startsWith(`${name} `) ? help.slice(name.length + 1) : "", samples: [] };
}

function sampleOf(line: string): Sample {
  const [, name = "", list = "", value = ""] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === "") throw new Error(`${line} is no sample`);
  const labels = [...list.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"(?:,|$)/g)].map(([, label = "", text = ""]) => [
    label,
    text,
  ]);
  return { name, labels: Object.fromEntries(labels), value: Number(value.replace("+Inf", "Infinity")) };
}
