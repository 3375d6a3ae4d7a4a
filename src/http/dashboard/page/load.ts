import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, access } from "./api.ts";
import { gaps } from "./live.ts";

/** What was asked of the server. */
export interface Loaded<Data> {
  /** The latest answer; null before the first. */
  readonly data: Data | null;
  /** Why the latest request failed, or null. */
  readonly error: ApiError | null;
  /** Asks again. */
  reload(): void;
}

/** Asks when the component appears or `inputs` change, after a gap, and every `everyMs` while the page is looked at. */
export function useLoad<Data>(ask: () => Promise<Data>, inputs: readonly unknown[], everyMs?: number): Loaded<Data> {
  const [answer, setAnswer] = useState<{ data: Data | null; error: ApiError | null }>({ data: null, error: null });
  const latest = useRef({ ask, asked: 0 });
  latest.current.ask = ask;

  const reload = useCallback(() => {
    latest.current.asked += 1;
    const { asked } = latest.current;
    // An answer to an earlier question must not overwrite that to a later one.
    const isLatest = () => latest.current.asked === asked;
    latest.current.ask().then(
      (data) => isLatest() && setAnswer({ data, error: null }),
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        if (isLatest()) setAnswer(({ data }) => ({ data: error.status === 404 ? null : data, error }));
      },
    );
  }, []);

  useEffect(() => {
    setAnswer({ data: null, error: null });
    reload();
    const asked = latest.current;
    return () => {
      asked.asked += 1;
    };
  }, inputs);
  useEffect(() => {
    const stops = [gaps.listen(reload), access.listen(({ key }) => key === "fine" && reload())];
    const timer = everyMs === undefined ? undefined : setInterval(() => document.hidden || reload(), everyMs);
    const onShown = () => document.hidden || reload();
    if (everyMs !== undefined) document.addEventListener("visibilitychange", onShown);
    return () => {
      for (const stop of stops) stop();
      clearInterval(timer);
      document.removeEventListener("visibilitychange", onShown);
    };
  }, [everyMs]);
  return { ...answer, reload };
}

/** A function that calls `work` at most once in `everyMs`, and once more after the last call. */
export function useThrottled(work: () => void, everyMs: number): () => void {
  const latest = useRef(work);
  latest.current = work;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest.current();
    }, everyMs);
  }, [everyMs]);
}
