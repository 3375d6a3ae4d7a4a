/** @jsxImportSource preact */

import { clockTime } from "./format.ts";
import { connection } from "./live.ts";
import { useShared } from "./state.ts";
import { useNow } from "./time.tsx";

/** One word on whether what is shown is live. */
export function ConnectionState() {
  const { state } = useShared(connection);
  return (
    <span class={`connection ${state}`} role="status">
      {state === "live" ? "Live" : state === "lost" ? "Offline" : "Connecting"}
    </span>
  );
}

/** Says that nothing on the screen is current, for as long as that is so. */
export function LostConnection() {
  const value = useShared(connection);
  const now = useNow();
  if (value.state !== "lost") return null;
  const wait = Math.max(0, Math.ceil((value.retryAt - now) / 1_000));
  return (
    <p class="lost" role="alert">
      <strong>Connection lost.</strong> What you see is as of {clockTime(new Date(value.since).toISOString())}.{" "}
      <span aria-hidden="true">{wait === 0 ? "Trying again…" : `Trying again in ${wait} s.`}</span>
    </p>
  );
}
