/** @jsxImportSource preact */
import { useEffect, useState } from "preact/hooks";
import { ApiError, call } from "../api.ts";
import { inZone } from "../format.ts";
import { Ago } from "../time.tsx";

/** Milliseconds without another key after which what was typed is read. */
const pauseMs = 200;

interface Meaning {
  readonly cron_words: string;
  readonly timezone: string;
  readonly upcoming: readonly string[];
}

/** What an expression means, and when it comes due next, as it is typed. */
export function Preview({ expression, timezone }: { readonly expression: string; readonly timezone: string }) {
  const [answer, setAnswer] = useState<Meaning | ApiError | null>(null);
  useEffect(() => {
    if (expression.trim() === "") {
      setAnswer(null);
      return;
    }
    let isLatest = true;
    const timer = setTimeout(async () => {
      const body = { cron_expression: expression, ...(timezone === "" ? {} : { timezone }) };
      try {
        const meaning = await call<Meaning>("POST", "/api/v1/periodic-tasks/preview", body);
        if (isLatest) setAnswer(meaning);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (isLatest) setAnswer(error);
      }
    }, pauseMs);
    return () => {
      isLatest = false;
      clearTimeout(timer);
    };
  }, [expression, timezone]);
  return (
    <div class="preview" role="status">
      {answer === null ? (
        <p class="muted">
          Five fields (minute, hour, day, month, weekday), six with seconds before them, or a name such as @daily.
        </p>
      ) : answer instanceof ApiError ? (
        <p class="error-text">{answer.message}</p>
      ) : (
        <>
          <p>
            <strong>{answer.cron_words}</strong> <span class="muted">{answer.timezone}</span>
          </p>
          <Times times={answer.upcoming} timezone={answer.timezone} />
        </>
      )}
    </div>
  );
}

/** Times to come, by the clock that they are meant by. */
export function Times({ times, timezone }: { readonly times: readonly string[]; readonly timezone: string }) {
  if (times.length === 0) return <p class="muted">No time is left.</p>;
  return (
    <ol class="times">
      {times.map((time) => (
        <li key={time}>
          {inZone(time, timezone)}{" "}
          <span class="muted">
            <Ago time={time} />
          </span>
        </li>
      ))}
    </ol>
  );
}
