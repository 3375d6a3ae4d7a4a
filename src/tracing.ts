import {
  type Attributes,
  type Context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer as SpanTracer,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import { TaskflowError } from "./domain/error.ts";
import type { Log } from "./domain/log.ts";
import type { Task } from "./domain/task.ts";
import type { Traceparent } from "./domain/traceparent.ts";
import type { Settlement } from "./domain/transition.ts";
import type { Tracer } from "./engine/tracer.ts";
import { type Environment, readBatching, readProtocol, readSampler } from "./tracing-settings.ts";

/** Draws traces and sends them by OTLP. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Sends what there is, or gives up on it after three seconds. */
  stop(): Promise<void>;
}

export interface TracingOptions {
  /** The `OTEL_…` variables; what of them is not read here the exporter reads from the process itself. */
  readonly env: Environment;
  /** Of TaskFlow. */
  readonly version: string;
  readonly log: Log;
}

const lastSpansMs = 3_000;
/** Of complaints that repeat themselves one is logged in this time. */
const quietMs = 60_000;

/** Traces of what happens to tasks: `submit`, then for each attempt `wait` and `attempt`, in the trace of the submission. */
export function createTracing({ env, version, log }: TracingOptions): Tracing {
  const complain = (message: string) => log.warn({ reason: message }, "traces: a setting or the receiver is at fault");
  tellComplaints(log);
  const exporter = readProtocol(env, complain) === "http/json" ? new JsonExporter() : new ProtobufExporter();
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": "taskflow", "service.version": version }))
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: readSampler(env, complain),
    spanProcessors: [new BatchSpanProcessor({ ...readBatching(env, complain), exporter: watched(exporter, log) })],
  });
  return {
    tracer: tracerOf(provider.getTracer("taskflow", version)),
    async stop() {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, lastSpansMs);
      const sent = provider.shutdown().catch((error: unknown) => log.debug({ error }, "the last traces were not sent"));
      await Promise.race([sent, late]);
      clearTimeout(timer);
    },
  };
}

/** An attempt under way, with the lease that names it. */
interface Drawn {
  readonly lease: number;
  readonly startTime: number;
  /** From due to started. It ends with the attempt: one that is taken back before it began leaves no trace. */
  readonly wait: Span;
  readonly span: Span;
}

function tracerOf(spans: SpanTracer): Tracer {
  const running = new Map<string, Drawn>();

  function drawAttempt(task: Task): Drawn {
    const startTime = task.startedAt ?? task.runAt;
    const attributes = { ...attributesOf(task), "taskflow.attempt.number": task.attempt };
    const wait = spans.startSpan(
      `wait ${task.funcName}`,
      { startTime: Math.min(task.runAt, startTime), attributes },
      contextOf(task.traceparent),
    );
    // What nobody submitted, such as a firing, begins its trace with the wait.
    const parent = task.traceparent === null ? trace.setSpan(ROOT_CONTEXT, wait) : contextOf(task.traceparent);
    const kind = SpanKind.CONSUMER;
    const span = spans.startSpan(`attempt ${task.funcName}`, { startTime, kind, attributes }, parent);
    return { lease: task.attempt, startTime, wait, span };
  }

  return {
    submitting(tasks) {
      const startTime = Date.now();
      const begun = performance.now();
      const drawn = tasks.map((task) => {
        const options = { startTime, kind: SpanKind.PRODUCER, attributes: attributesOf(task) };
        return spans.startSpan(`submit ${task.funcName}`, options, contextOf(task.traceparent));
      });
      return {
        tasks: tasks.map((task, index) => ({ ...task, traceparent: traceparentOf(drawn[index]) ?? task.traceparent })),
        ended(error) {
          const endTime = startTime + (performance.now() - begun);
          for (const span of drawn) {
            if (error !== undefined)
              blame(span, error instanceof TaskflowError ? error.code : "internal", String(error));
            span.end(endTime);
          }
        },
      };
    },
    started(task) {
      const drawn = drawAttempt(task);
      running.set(task.id, drawn);
      return traceparentOf(drawn.span);
    },
    ended(task, settlement) {
      const known = running.get(task.id);
      const isKnown = known?.lease === task.attempt;
      if (isKnown) running.delete(task.id);
      const { startTime, wait, span } = isKnown ? known : drawAttempt(task);
      wait.end(startTime);
      describe(span, settlement);
      span.end(settlement?.attempt?.endedAt ?? Date.now());
    },
  };
}

function attributesOf(task: Task): Attributes {
  return { "taskflow.task.id": task.id, "taskflow.handler": task.funcName, "taskflow.priority": task.priority };
}

function describe(span: Span, settlement: Settlement | null): void {
  if (settlement === null) {
    span.setAttribute("taskflow.attempt.outcome", "discarded");
    return;
  }
  const { attempt, status } = settlement;
  span.setAttribute("taskflow.task.status", status);
  if (attempt === null) return;
  span.setAttribute("taskflow.attempt.outcome", attempt.outcome ?? "unknown");
  if (attempt.worker !== null) span.setAttribute("taskflow.worker", attempt.worker);
  const isFault = attempt.outcome === "failed" || attempt.outcome === "timed_out";
  if (isFault) blame(span, attempt.errorKind ?? "handler", attempt.error ?? "");
}

function blame(span: Span, kind: string, message: string): void {
  span.setAttribute("error.type", kind);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

function contextOf(traceparent: Traceparent | null): Context {
  const [, traceId, spanId, flags] = traceparent?.split("-") ?? [];
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags ?? "00", 16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function traceparentOf(span: Span | undefined): Traceparent | null {
  if (span === undefined) return null;
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

/** Says in the log when spans cannot be sent any more, and when they can again: not of each batch. */
function watched(exporter: SpanExporter, log: Log): SpanExporter {
  let isFailing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const { error } = result;
        if (error !== undefined && !isFailing)
          log.warn({ error: error.message }, "traces cannot be sent, and are lost");
        if (error === undefined && isFailing) log.info({}, "traces are sent again");
        isFailing = error !== undefined;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

/** What OpenTelemetry's own packages have to say: of settings that they ignore, of spans that they drop. */
function tellComplaints(log: Log): void {
  let quietUntil = 0;
  const warn = (message: string) => {
    if (Date.now() < quietUntil) return;
    quietUntil = Date.now() + quietMs;
    log.warn({ reason: message }, "traces: OpenTelemetry complains");
  };
  // Its errors are those of sending, which are told once.
  const ignore = () => undefined;
  diag.setLogger(
    { error: ignore, warn, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
