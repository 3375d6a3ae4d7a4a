/** @jsxImportSource preact */
import { call } from "../api.ts";
import { bytes, count, dateTime, wholeSeconds } from "../format.ts";
import { useLoad } from "../load.ts";
import { Fact, Failure, Panel, Scroll, Waiting } from "../panel.tsx";
import { Ago } from "../time.tsx";
import type { About } from "../wire.ts";

const againMs = 5_000;

/** What runs here, and how it is configured. */
export function System() {
  const { data, error } = useLoad(() => call<About>("GET", "/api/v1/system"), [], againMs);
  if (data === null) return error === null ? <Waiting /> : <Failure error={error} />;
  const { versions, store, health, configuration } = data;
  return (
    <div class="column">
      <h1 class="hidden">System</h1>
      <Failure error={error} />
      <Panel
        title="Server"
        aside={<span class={`status ${health.status === "healthy" ? "completed" : "failed"}`}>{health.status}</span>}
      >
        {health.reason === null ? null : <p class="failure">{health.reason}</p>}
        <dl class="facts">
          <Fact name="TaskFlow">{versions.taskflow}</Fact>
          <Fact name="Bun">{versions.bun}</Fact>
          <Fact name="Store">{versions.store}</Fact>
          <Fact name="Up since">
            {dateTime(data.started_at)} <span class="muted">{wholeSeconds(data.uptime)}</span>
          </Fact>
          <Fact name="Database">{bytes(store.database_bytes)}</Fact>
          <Fact name="Write-ahead log">{bytes(store.wal_bytes)}</Fact>
          <Fact name="Writes since the start">{count(store.writes)}</Fact>
          <Fact name="Failed commits">{count(store.failed_commits)}</Fact>
          <Fact name="Oldest waiting">
            <Ago time={store.oldest_waiting_since} />
          </Fact>
        </dl>
      </Panel>
      <Panel title="Configuration in effect" aside="from the environment; what differs from the default is bold">
        <Scroll label="Settings">
          <table class="settings">
            <thead>
              <tr>
                <th>Variable</th>
                <th>Value</th>
                <th>Default</th>
                <th>What it is</th>
              </tr>
            </thead>
            <tbody>
              {configuration.map(({ name, value, default: usual, description }) => (
                <tr key={name}>
                  <td class="mono">{name}</td>
                  <td class={`mono${value === null || shown(value) === withoutFolder(usual) ? "" : " bold"}`}>
                    {shown(value) || "–"}
                  </td>
                  <td class="mono muted">{usual || "–"}</td>
                  <td class="wrap">{description}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </Panel>
    </div>
  );
}

/** Of files and folders the server tells no more than the name. */
function withoutFolder(usual: string): string {
  return usual.replace(/\.\/(.*\/)?/, "");
}

function shown(value: About["configuration"][number]["value"]): string {
  return Array.isArray(value) ? value.join(", ") : String(value ?? "");
}
