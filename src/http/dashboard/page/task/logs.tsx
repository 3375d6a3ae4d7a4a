/** @jsxImportSource preact */
import { useEffect, useRef, useState } from "preact/hooks";
import { clockTime, count, plural } from "../format.ts";
import { Empty, Panel } from "../panel.tsx";
import { AnsiText } from "../text.tsx";
import type { LogLine } from "../wire.ts";

/** Lines that are shown at first: the latest. */
const linesAtFirst = 500;
/** Characters of a line that are shown at first. */
const charactersAtFirst = 2_000;
/** Pixels from the end at which one still counts as reading there. */
const nearEnd = 40;

/** What the task logged, as it logs it. It stays at the end for who is there, and where one has scrolled to for who is not. */
export function Logs({ lines, isRunning }: { readonly lines: readonly LogLine[]; readonly isRunning: boolean }) {
  const [shown, setShown] = useState(linesAtFirst);
  const box = useRef<HTMLElement>(null);
  const follows = useRef(true);
  const hidden = Math.max(0, lines.length - shown);
  useEffect(() => {
    if (follows.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  return (
    <Panel title="Log" class="full" aside={lines.length === 0 ? null : plural(lines.length, "line")}>
      {lines.length === 0 ? (
        <Empty title={isRunning ? "Nothing logged so far" : "Nothing was logged"} />
      ) : (
        <section
          class="log"
          ref={box}
          aria-label="Log lines"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
          tabIndex={0}
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
            follows.current = scrollHeight - scrollTop - clientHeight < nearEnd;
          }}
        >
          {hidden === 0 ? null : (
            <button type="button" class="quiet" onClick={() => setShown(shown + 4 * linesAtFirst)}>
              Show earlier lines ({count(hidden)})
            </button>
          )}
          <ol start={hidden + 1}>
            {lines.slice(hidden).map((line, index) => (
              <Line key={hidden + index} line={line} />
            ))}
          </ol>
        </section>
      )}
    </Panel>
  );
}

function Line({ line: { time, attempt, level, message } }: { readonly line: LogLine }) {
  const [shown, setShown] = useState(charactersAtFirst);
  const rest = message.length - shown;
  return (
    <li class={level}>
      <time dateTime={time} title={time}>
        {clockTime(time)}
      </time>
      <span class="attempt" title={`Attempt ${attempt}`}>
        #{attempt}
      </span>
      <span class="level">{level}</span>
      <span class="message">
        <AnsiText text={message.slice(0, shown)} />
        {rest <= 0 ? null : (
          <button type="button" class="quiet" onClick={() => setShown(shown + 16 * charactersAtFirst)}>
            … {count(rest)} more characters
          </button>
        )}
      </span>
    </li>
  );
}
