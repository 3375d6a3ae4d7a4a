/** @jsxImportSource preact */
import { useEffect, useState } from "preact/hooks";
import { place } from "../address.ts";
import { access, readOnlyReason } from "../api.ts";
import { count, plural } from "../format.ts";
import { Empty, Failure, Waiting } from "../panel.tsx";
import { useShared } from "../state.ts";
import { type BulkAction, BulkDialog, type Chosen } from "./bulk.tsx";
import { filterIn } from "./filter.ts";
import { FilterBar } from "./filter-bar.tsx";
import { useTaskList } from "./list.ts";
import { TaskTable } from "./table.tsx";

const nothing: ReadonlySet<string> = new Set();

/** All tasks, or those that fit; to look at one, or to cancel or retry many. */
export function Tasks() {
  const { query } = useShared(place);
  const filter = filterIn(query);
  const list = useTaskList(filter);
  const [picked, setPicked] = useState(nothing);
  const [isAll, setIsAll] = useState(false);
  const [action, setAction] = useState<BulkAction | null>(null);
  const [said, setSaid] = useState("");
  const pick = (ids: ReadonlySet<string>) => {
    setPicked(ids);
    setIsAll(false);
  };
  useEffect(() => pick(nothing), [query.toString()]);

  const tasks = list.tasks ?? [];
  const chosen: Chosen = isAll ? { filter } : { tasks: tasks.filter(({ task_id }) => picked.has(task_id)) };
  return (
    <div class="tasks">
      <h1 class="hidden">Tasks</h1>
      <FilterBar filter={filter} />
      <section class="panel" aria-label="Tasks">
        <header class="toolbar">
          {picked.size === 0 ? (
            <span class="muted" role="status">
              {list.tasks === null
                ? ""
                : list.hasMore
                  ? `The newest ${count(tasks.length)}`
                  : plural(tasks.length, "task")}
              {said === "" ? "" : ` · ${said}`}
            </span>
          ) : (
            <span role="status">
              <strong>{isAll ? "All that match" : plural(picked.size, "task")}</strong> selected
            </span>
          )}
          {picked.size > 0 && !isAll && list.hasMore && picked.size === tasks.length ? (
            <button type="button" class="quiet link" onClick={() => setIsAll(true)}>
              Select all that match
            </button>
          ) : null}
          {list.fresh === 0 ? null : (
            <button type="button" class="fresh" onClick={list.showFresh}>
              Show {count(list.fresh)} new
            </button>
          )}
          <span class="actions">
            <ActionButton name="Cancel" isReady={picked.size > 0} onClick={() => setAction("cancel")} />
            <ActionButton name="Retry" isReady={picked.size > 0} onClick={() => setAction("retry")} />
          </span>
        </header>
        <Failure error={list.error} />
        {list.tasks === null && list.error === null ? <Waiting /> : null}
        {list.tasks?.length === 0 ? <NoTasks isFiltered={Object.keys(filter).length > 0} /> : null}
        {tasks.length === 0 ? null : <TaskTable tasks={tasks} picked={picked} onPick={pick} />}
        {list.hasMore ? (
          <p class="more">
            <button type="button" onClick={list.showMore}>
              Show more
            </button>
          </p>
        ) : null}
      </section>
      {action === null ? null : (
        <BulkDialog
          action={action}
          chosen={chosen}
          onClose={() => setAction(null)}
          onDone={(summary) => {
            setAction(null);
            setSaid(summary);
            pick(nothing);
            list.showFresh();
          }}
        />
      )}
    </div>
  );
}

function ActionButton({
  name,
  isReady,
  onClick,
}: {
  readonly name: string;
  readonly isReady: boolean;
  readonly onClick: () => void;
}) {
  const { mayWrite } = useShared(access);
  return (
    <button
      type="button"
      disabled={!isReady || !mayWrite}
      title={mayWrite ? undefined : readOnlyReason}
      onClick={onClick}
    >
      {name}…
    </button>
  );
}

function NoTasks({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No task fits">Take something away from the filter above.</Empty>;
  return (
    <Empty title="No tasks yet">
      Submit the first one by <code>POST /api/v1/tasks</code>: the <a href="/docs">documentation</a> has an example for
      each handler.
    </Empty>
  );
}
