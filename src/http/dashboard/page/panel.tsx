/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import type { ApiError } from "./api.ts";

interface PanelProps {
  readonly title: string;
  /** What belongs at the end of its head. */
  readonly aside?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A part of a page, with its name. */
export function Panel({ title, aside, class: name = "", children }: PanelProps) {
  return (
    <section class={`panel ${name}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {aside === undefined ? null : <span class="aside">{aside}</span>}
      </header>
      {children}
    </section>
  );
}

/** Lets what is too wide scroll by itself, with the keyboard as well. */
export function Scroll({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section class="scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}

/** One of a list of facts (`dl`). */
export function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Stands where there is nothing to show, and says what to do about it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p>{title}</p>
      {children === undefined ? null : <p class="muted">{children}</p>}
    </div>
  );
}

/** Why something could not be fetched or done. A single fault is in the message. */
export function Failure({ error }: { readonly error: ApiError | null }) {
  if (error === null) return null;
  return (
    <div class="failure" role="alert">
      <p>{error.message}</p>
      {error.faults.length < 2 ? null : (
        <ul>
          {error.faults.map(({ path, message }) => (
            <li key={path + message}>
              {path === "" ? null : <code>{path}</code>} {message}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Stands where data is to come. */
export function Waiting() {
  return (
    <p class="waiting" role="status">
      Loading…
    </p>
  );
}
