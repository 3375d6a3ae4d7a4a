import type { BatchSpanProcessorOptions, Sampler } from "@opentelemetry/sdk-trace";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace";

export type Environment = Readonly<Record<string, string | undefined>>;
/** Takes a sentence on a variable that is not fit; the default holds then. */
export type Complain = (message: string) => void;

/** @returns how spans are sent: `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`, `OTEL_EXPORTER_OTLP_PROTOCOL`. */
export function readProtocol(env: Environment, complain: Complain): "http/protobuf" | "http/json" {
  const name = textOf(env, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? textOf(env, "OTEL_EXPORTER_OTLP_PROTOCOL");
  if (name === undefined || name === "http/protobuf" || name === "http/json") return name ?? "http/protobuf";
  complain(`the OTLP protocol "${name}" is not spoken here, but http/protobuf and http/json`);
  return "http/protobuf";
}

/** `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`: everything, but what came unsampled, unless they say otherwise. */
export function readSampler(env: Environment, complain: Complain): Sampler {
  const name = textOf(env, "OTEL_TRACES_SAMPLER") ?? "parentbased_always_on";
  switch (name) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new TraceIdRatioBasedSampler(readRatio(env, complain));
    case "parentbased_always_on":
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(readRatio(env, complain)) });
    default:
      complain(`OTEL_TRACES_SAMPLER is "${name}", which is no sampler: parentbased_always_on holds`);
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
  }
}

/** `OTEL_BSP_…`: how spans are gathered before they are sent. */
export function readBatching(env: Environment, complain: Complain): Omit<BatchSpanProcessorOptions, "exporter"> {
  return {
    scheduledDelayMillis: readCount(env, "OTEL_BSP_SCHEDULE_DELAY", 5_000, complain),
    exportTimeoutMillis: readCount(env, "OTEL_BSP_EXPORT_TIMEOUT", 30_000, complain),
    maxQueueSize: readCount(env, "OTEL_BSP_MAX_QUEUE_SIZE", 2_048, complain),
    maxExportBatchSize: readCount(env, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, complain),
  };
}

function readRatio(env: Environment, complain: Complain): number {
  const text = textOf(env, "OTEL_TRACES_SAMPLER_ARG") ?? "1";
  const ratio = Number(text);
  if (ratio >= 0 && ratio <= 1) return ratio;
  complain(`OTEL_TRACES_SAMPLER_ARG is "${text}", which is no number from 0 to 1: 1 holds`);
  return 1;
}

function readCount(env: Environment, name: string, usual: number, complain: Complain): number {
  const text = textOf(env, name);
  if (text === undefined) return usual;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  complain(`${name} is "${text}", which is no whole number above 0: ${usual} holds`);
  return usual;
}

/** Empty counts as unset, as OpenTelemetry has it. */
function textOf(env: Environment, name: string): string | undefined {
  return env[name]?.trim() || undefined;
}
