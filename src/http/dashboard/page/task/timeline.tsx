/** @jsxImportSource preact */
import { clockTime, duration } from "../format.ts";
import { Empty, Panel, Scroll } from "../panel.tsx";
import { Status } from "../status.tsx";
import { Words } from "../text.tsx";
import { useNow } from "../time.tsx";
import type { Attempt, Task } from "../wire.ts";

interface Segment {
  readonly kind: "wait" | "backoff" | "run";
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
}

/** The attempts on one axis of time: how long each waited and ran, to scale. */
export function Timeline({ task, attempts }: { readonly task: Task; readonly attempts: readonly Attempt[] }) {
  const now = useNow();
  const createdAt = Date.parse(task.created_at);
  const rows = attempts.map((attempt, index) => {
    const startedAt = Date.parse(attempt.started_at);
    const endedAt = attempt.ended_at === null ? Math.max(now, startedAt) : Date.parse(attempt.ended_at);
    const before = attempts[index - 1];
    const from = before?.ended_at ? Date.parse(before.ended_at) : createdAt;
    const wait: Segment = { kind: before?.ended_at ? "backoff" : "wait", from, to: startedAt };
    const run: Segment = { kind: "run", from: startedAt, to: endedAt };
    return { attempt, wait, run };
  });
  const end = Math.max(createdAt + 1, ...rows.map(({ run }) => run.to));
  const total = end - createdAt;
  return (
    <Panel
      title="Attempts"
      class="full"
      aside={rows.length === 0 ? null : `${duration(total / 1_000)} from ${clockTime(task.created_at)}`}
    >
      {rows.length === 0 ? (
        <Empty title="No attempt yet" />
      ) : (
        <Scroll label="Attempts on a timeline">
          <table class="timeline">
            <thead>
              <tr>
                <th>#</th>
                <th>Outcome</th>
                <th class="number">Waited</th>
                <th class="number">Ran</th>
                <th class="track">
                  <span class="key wait">waited</span> <span class="key backoff">backoff</span>{" "}
                  <span class="key run">ran</span>
                </th>
                <th>Worker</th>
                <th>Error</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ attempt, wait, run }) => (
                <tr key={`${attempt.number} ${attempt.started_at}`}>
                  <td>{attempt.number}</td>
                  <td>
                    <Status of={attempt.outcome ?? "running"} />
                  </td>
                  <td class="number">{duration((wait.to - wait.from) / 1_000)}</td>
                  <td class="number">{duration((run.to - run.from) / 1_000)}</td>
                  <td class="track">
                    <div>
                      {[wait, run].map(({ kind, from, to }) => (
                        <i
                          key={kind}
                          class={kind === "run" ? `run ${attempt.outcome ?? "running"}` : kind}
                          style={{
                            left: `${(100 * (from - createdAt)) / total}%`,
                            width: `${(100 * (to - from)) / total}%`,
                          }}
                        />
                      ))}
                    </div>
                  </td>
                  <td class="mono">{attempt.worker ?? "–"}</td>
                  <td class="name">
                    {attempt.error === null ? null : <Words text={attempt.error} class="error-text" />}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}
