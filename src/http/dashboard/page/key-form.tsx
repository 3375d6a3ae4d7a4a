/** @jsxImportSource preact */
import { useState } from "preact/hooks";
import { type ApiError, takeKey } from "./api.ts";

/** Asks for the key that the server wants. */
export function KeyForm({ refused }: { readonly refused: boolean }) {
  const [key, setKey] = useState("");
  const [keep, setKeep] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  return (
    <form
      class="key-form panel"
      onSubmit={(event) => {
        event.preventDefault();
        if (key.trim() !== "") void takeKey(key.trim(), keep ? "in this browser" : "in this tab").then(setError);
      }}
    >
      <h1>This server asks for an API key</h1>
      <p class="muted">
        It is one of those in <code>TASKFLOW_API_KEYS</code>, or the one that the server printed at its start.
      </p>
      <label for="key">API key</label>
      <input
        id="key"
        type="password"
        autocomplete="off"
        required
        value={key}
        aria-describedby="key-error"
        onInput={({ currentTarget }) => setKey(currentTarget.value)}
      />
      <label class="check">
        <input type="checkbox" checked={keep} onChange={({ currentTarget }) => setKeep(currentTarget.checked)} /> Keep
        it in this browser, and not only in this tab
      </label>
      <p id="key-error" class="error-text" role="alert">
        {error?.message ?? (refused ? "The server does not know this key." : "")}
      </p>
      <button type="submit" class="primary">
        Open the dashboard
      </button>
    </form>
  );
}
