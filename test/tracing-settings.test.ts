import { describe, expect, test } from "bun:test";
import { readBatching, readProtocol, readSampler } from "../src/tracing-settings.ts";

/** What `read` makes of the variables, with what it complains of. */
function reading<Value>(read: (env: Record<string, string>, complain: (message: string) => void) => Value) {
  return (env: Record<string, string>) => {
    const complaints: string[] = [];
    return { value: read(env, (message) => complaints.push(message)), complaints };
  };
}

describe("the sampler", () => {
  const sampler = reading((env, complain) => readSampler(env, complain).toString());

  test.each([
    ["", "ParentBased{root=AlwaysOnSampler"],
    ["always_on", "AlwaysOnSampler"],
    ["always_off", "AlwaysOffSampler"],
    ["traceidratio", "TraceIdRatioBased{0.25}"],
    ["parentbased_always_on", "ParentBased{root=AlwaysOnSampler"],
    ["parentbased_always_off", "ParentBased{root=AlwaysOffSampler"],
    ["parentbased_traceidratio", "ParentBased{root=TraceIdRatioBased{0.25}"],
  ])("%j is %s", (name, expected) => {
    const { value, complaints } = sampler({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: "0.25" });
    expect(value).toStartWith(expected);
    expect(complaints).toEqual([]);
  });

  test.each([
    [{ OTEL_TRACES_SAMPLER: "some" }, "ParentBased{root=AlwaysOnSampler"],
    [{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" }, "TraceIdRatioBased{1}"],
    [{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "half" }, "TraceIdRatioBased{1}"],
  ])("what is not fit in %j is complained of, and the default holds", (env, expected) => {
    const { value, complaints } = sampler(env);
    expect(value).toStartWith(expected);
    expect(complaints).toHaveLength(1);
  });
});

test("the protocol is protobuf unless JSON is asked for, for traces first", () => {
  const protocol = reading(readProtocol);
  expect(protocol({}).value).toBe("http/protobuf");
  expect(protocol({ OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }).value).toBe("http/json");
  const both = { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf" };
  expect(protocol(both).value).toBe("http/protobuf");
  expect(protocol({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" })).toEqual({
    value: "http/protobuf",
    complaints: [expect.stringContaining("grpc")],
  });
});

test("how spans are gathered can be set, and what is not fit is complained of", () => {
  const batching = reading(readBatching);
  const usual = {
    scheduledDelayMillis: 5_000,
    exportTimeoutMillis: 30_000,
    maxQueueSize: 2_048,
    maxExportBatchSize: 512,
  };
  expect(batching({})).toEqual({ value: usual, complaints: [] });
  expect(batching({ OTEL_BSP_SCHEDULE_DELAY: "10", OTEL_BSP_MAX_QUEUE_SIZE: "99" }).value).toMatchObject({
    scheduledDelayMillis: 10,
    maxQueueSize: 99,
  });
  const unfit = batching({
    OTEL_BSP_SCHEDULE_DELAY: "0",
    OTEL_BSP_MAX_QUEUE_SIZE: "-1",
    OTEL_BSP_EXPORT_TIMEOUT: "1e3",
  });
  expect(unfit.value).toEqual(usual);
  expect(unfit.complaints).toHaveLength(3);
});
