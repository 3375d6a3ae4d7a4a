/** @jsxImportSource preact */
import { call } from "../api.ts";
import { dateTime } from "../format.ts";
import { useLoad } from "../load.ts";
import type { Firing } from "../wire.ts";

const againMs = 15_000;

/** What became of a periodic task's times, newest first. */
export function useFirings(name: string) {
  return useLoad(
    () => call<readonly Firing[]>("GET", `/api/v1/periodic-tasks/${encodeURIComponent(name)}/history`),
    [name],
    againMs,
  );
}

/** The latest times as a strip of marks, the newest at the end. */
export function Strip({ firings, shown }: { readonly firings: readonly Firing[]; readonly shown: number }) {
  const marks = firings.slice(0, shown).toReversed();
  const counts = Object.entries(Object.groupBy(marks, ({ outcome }) => outcome));
  const words = counts.map(([outcome, each]) => `${each?.length ?? 0} ${outcome}`).join(", ");
  return (
    <span
      class="strip"
      role="img"
      aria-label={marks.length === 0 ? "No time has passed yet" : `The latest times: ${words}`}
    >
      {marks.map(({ scheduled_for: at, outcome, reason }) => (
        <i
          key={at}
          class={outcome}
          title={`${dateTime(at)} ${outcome}${reason === null ? "" : `: ${reason.replaceAll("_", " ")}`}`}
        />
      ))}
    </span>
  );
}

/** The same, of a periodic task that is one of many. */
export function StripOf({ name }: { readonly name: string }) {
  const { data } = useFirings(name);
  return <Strip firings={data ?? []} shown={24} />;
}
