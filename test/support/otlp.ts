/** A span as OTLP has it in JSON, as far as tests look at it. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code: number; readonly message?: string };
}

/** Someone who takes traces by OTLP over HTTP. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly { readonly path: string; readonly headers: Headers; readonly bytes: number }[];
  /** Those that came as JSON, in their order. */
  readonly spans: readonly Span[];
  readonly resource: Readonly<Record<string, unknown>>;
  /** Resolves once a request came. */
  came(): Promise<void>;
}

/** @param answer what it answers with; a promise that never resolves for one that hangs. */
export function startReceiver(answer: () => Response | Promise<Response> = () => Response.json({})): Receiver {
  const requests: { path: string; headers: Headers; bytes: number }[] = [];
  const spans: Span[] = [];
  const first = Promise.withResolvers<void>();
  let resource: Record<string, unknown> = {};
  const server = Bun.serve({
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const body = await request.bytes();
      requests.push({ path: new URL(request.url).pathname, headers: request.headers, bytes: body.length });
      if (request.headers.get("content-type") === "application/json") {
        for (const group of JSON.parse(new TextDecoder().decode(body)).resourceSpans) {
          resource = valuesOf(group.resource.attributes);
          for (const scope of group.scopeSpans)
            for (const span of scope.spans) spans.push({ ...span, attributes: valuesOf(span.attributes) });
        }
      }
      first.resolve();
      return answer();
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    spans,
    get resource() {
      return resource;
    },
    came: () => first.promise,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function valuesOf(attributes: readonly { key: string; value: Record<string, unknown> }[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
