/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { go } from "../address.ts";
import { ApiError, access, call, readOnlyReason } from "../api.ts";
import { Dialog } from "../dialog.tsx";
import { count, dateTime, duration } from "../format.ts";
import { useLoad } from "../load.ts";
import { Empty, Fact, Failure, Panel, Scroll, Waiting } from "../panel.tsx";
import { pathTo, withQuery } from "../paths.ts";
import { useShared } from "../state.ts";
import { Priority, Status } from "../status.tsx";
import { LongText, Words } from "../text.tsx";
import { Ago } from "../time.tsx";
import type { Firing, PeriodicTask } from "../wire.ts";
import { EntryForm } from "./entry-form.tsx";
import { Strip, useFirings } from "./history.tsx";
import { Times } from "./preview.tsx";

const againMs = 5_000;

/** One periodic task: when it is due, what became of its times, and what can be done with it. */
export function Entry({ name }: { readonly name: string }) {
  const path = `/api/v1/periodic-tasks/${encodeURIComponent(name)}`;
  const { data, error, reload } = useLoad(() => call<PeriodicTask>("GET", path), [name], againMs);
  const firings = useFirings(name);
  if (data === null) {
    if (error === null) return <Waiting />;
    if (error.status !== 404) return <Failure error={error} />;
    return (
      <Empty title={`There is no periodic task ${name}`}>
        <a href={pathTo("periodic")}>See those there are</a>
      </Empty>
    );
  }
  return (
    <div class="task">
      <header class="head">
        <div>
          <h1>
            <Words text={data.name} />
          </h1>
          <span class="muted">
            <Words text={data.cron_words} />
          </span>
        </div>
        {data.enabled ? <span class="status ready">active</span> : <span class="status">paused</span>}
        <Actions entry={data} path={path} onChanged={reload} />
      </header>
      <Failure error={error} />
      <Facts entry={data} />
      <Panel title="Next times" aside={data.timezone}>
        <div class="body">
          {data.enabled ? (
            <Times times={data.upcoming} timezone={data.timezone} />
          ) : (
            <p class="muted">None while it is paused.</p>
          )}
        </div>
      </Panel>
      <Panel title="Input">
        <LongText
          text={JSON.stringify(
            data.args.length === 0 ? data.kwargs : { args: data.args, kwargs: data.kwargs },
            null,
            2,
          )}
          label="Input as JSON"
        />
      </Panel>
      <Panel title="History" class="full" aside={<Strip firings={firings.data ?? []} shown={60} />}>
        <History firings={firings.data ?? []} />
      </Panel>
    </div>
  );
}

function Facts({ entry }: { readonly entry: PeriodicTask }) {
  return (
    <dl class="facts panel">
      <Fact name="Handler">
        <a href={pathTo("handlers", entry.func_name)}>
          <Words text={entry.func_name} />
        </a>
      </Fact>
      <Fact name="Expression">
        <code>{entry.cron_expression}</code>
      </Fact>
      <Fact name="Made by">{entry.source === "handler" ? "its handler" : "the API"}</Fact>
      <Fact name="Fired">{count(entry.run_count)}</Fact>
      <Fact name="Last">
        <Ago time={entry.last_run} />
      </Fact>
      <Fact name="Overlap">{entry.overlap}</Fact>
      <Fact name="Catch-up">{entry.catch_up}</Fact>
      <Fact name="Priority">{entry.priority === null ? "the handler's" : <Priority of={entry.priority} />}</Fact>
      <Fact name="Timeout">{entry.timeout === null ? "the handler's" : duration(entry.timeout)}</Fact>
    </dl>
  );
}

function History({ firings }: { readonly firings: readonly Firing[] }) {
  if (firings.length === 0) return <Empty title="None of its times has passed yet" />;
  return (
    <Scroll label="What became of its times">
      <table>
        <thead>
          <tr>
            <th>Time</th>
            <th>Outcome</th>
            <th>Why</th>
            <th>Task</th>
          </tr>
        </thead>
        <tbody>
          {firings.slice(0, 50).map(({ scheduled_for: at, outcome, reason, detail, task_id: taskId }) => (
            <tr key={at}>
              <td class="number-start">{dateTime(at)}</td>
              <td>
                <Status of={outcome} />
              </td>
              <td class="name muted">
                {reason?.replaceAll("_", " ")}
                {detail === null ? null : <Words text={` ${detail}`} />}
              </td>
              <td>
                {taskId === null ? (
                  "–"
                ) : (
                  <a href={pathTo("tasks", taskId)} class="mono">
                    {taskId.slice(-8)}
                  </a>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

interface ActionsProps {
  readonly entry: PeriodicTask;
  readonly path: string;
  readonly onChanged: () => void;
}

function Actions({ entry, path, onChanged }: ActionsProps) {
  const { mayWrite } = useShared(access);
  const [asks, setAsks] = useState<"change" | "delete" | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const isDeclared = entry.source === "handler";
  const button = (reason: string | null) =>
    ({ type: "button", disabled: reason !== null, title: reason ?? undefined }) as const;
  const always = button(mayWrite ? null : readOnlyReason);
  const ofApi = button(!mayWrite ? readOnlyReason : isDeclared ? "Its handler declares it: change it there" : null);

  async function act(work: () => Promise<void>): Promise<void> {
    setError(null);
    try {
      await work();
    } catch (refusal) {
      if (!(refusal instanceof ApiError)) throw refusal;
      setError(refusal);
    }
  }
  const pause = async () => {
    await call("PATCH", path, { enabled: !entry.enabled });
    onChanged();
  };
  const trigger = async () => {
    const { task_id } = await call<{ task_id: string }>("POST", `${path}/trigger`);
    go(pathTo("tasks", task_id));
  };
  const remove = async () => {
    setAsks(null);
    await call("DELETE", path);
    go(pathTo("periodic"));
  };

  return (
    <>
      <span class="actions">
        <a class="button" href={withQuery(pathTo("tasks"), { periodic_task: entry.name })}>
          Its tasks
        </a>
        <button {...always} onClick={() => void act(trigger)}>
          Trigger now
        </button>
        <button {...always} onClick={() => void act(pause)}>
          {entry.enabled ? "Pause" : "Resume"}
        </button>
        <button {...ofApi} onClick={() => setAsks("change")}>
          Change…
        </button>
        <button {...ofApi} class="danger" onClick={() => setAsks("delete")}>
          Delete…
        </button>
      </span>
      <Failure error={error} />
      {asks === "change" ? (
        <EntryForm
          entry={entry}
          taken={[]}
          onClose={() => setAsks(null)}
          onSaved={() => {
            setAsks(null);
            onChanged();
          }}
        />
      ) : null}
      {asks === "delete" ? (
        <Dialog title="Delete this periodic task" onClose={() => setAsks(null)}>
          <p>{entry.name} and its history go; its tasks stay.</p>
          <div class="actions">
            <button type="button" onClick={() => setAsks(null)}>
              Leave it
            </button>
            <button type="button" class="danger" onClick={() => void act(remove)}>
              Delete 1 periodic task
            </button>
          </div>
        </Dialog>
      ) : null}
    </>
  );
}
