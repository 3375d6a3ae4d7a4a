import { afterEach, describe, expect, test } from "bun:test";
import { PermanentError } from "taskflow";
import { type PublicFetchOptions, publicFetch } from "../../tasks/_public-fetch.ts";
import { failureOf } from "./context.ts";

const signal = new AbortController().signal;
const publicAddress = "93.184.216.34";
const servers: Bun.Server<undefined>[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

function serve(answer: (request: Request) => Response): Bun.Server<undefined> {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  servers.push(server);
  return server;
}

/** An internet of one server: every host resolves as `names` says, and every connection reaches `server`. */
function internet(server: Bun.Server<undefined>, names: Record<string, readonly string[]>) {
  const dialled: string[] = [];
  const resolved: string[] = [];
  const options: PublicFetchOptions = {
    signal,
    privateAddresses: "refused",
    resolve: async (host) => {
      resolved.push(host);
      return names[host] ?? [host];
    },
    fetch: (url, init) => {
      dialled.push(url);
      return fetch(new URL(new URL(url).pathname, server.url), init);
    },
  };
  return { options, dialled, resolved };
}

const unreachable = internet(
  serve(() => new Response("never")),
  {},
).options;

describe("an address that is not public is refused", () => {
  const addresses = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
  ];
  test.each(addresses)("%s", async (address) => {
    const failure = await failureOf(() => publicFetch(`http://${address}/`, unreachable));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toContain("is not a public address");
  });

  const spellings = ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "0", "127.0.0.1.", "①②⑦.0.0.1"];
  test.each(spellings)("spelled as %s", async (spelling) => {
    const failure = await failureOf(() => publicFetch(`http://${spelling}/`, unreachable));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toContain("is not a public address");
  });

  test("as one of several that a name has", async () => {
    const { options, dialled } = internet(
      serve(() => new Response("never")),
      { "two.example": [publicAddress, "::1"] },
    );
    const failure = await failureOf(() => publicFetch("http://two.example/", options));
    expect(failure.message).toStartWith("two.example (::1) is not a public address");
    expect(dialled).toEqual([]);
  });

  test("after a redirect from a public one", async () => {
    const server = serve(() => Response.redirect("http://169.254.169.254/latest/meta-data/", 302));
    const { options, dialled } = internet(server, { "public.example": [publicAddress] });
    const failure = await failureOf(() => publicFetch("http://public.example/", options));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toStartWith("169.254.169.254 is not a public address");
    expect(dialled).toEqual([`http://${publicAddress}/`]);
  });

  test("unless it is allowed", async () => {
    const { options, dialled } = internet(
      serve(() => new Response("inside")),
      {},
    );
    const { response } = await publicFetch("http://10.0.0.1/", { ...options, privateAddresses: "allowed" });
    expect(await response.text()).toBe("inside");
    expect(dialled).toEqual(["http://10.0.0.1/"]);
  });
});

describe("a URL is refused", () => {
  test.each(["ftp://public.example/", "file:///etc/passwd", "data:text/plain,x", "gopher://public.example/"])(
    "for its scheme: %s",
    async (url) => {
      const failure = await failureOf(() => publicFetch(url, unreachable));
      expect(failure).toBeInstanceOf(PermanentError);
      expect(failure.message).toStartWith("Only http and https URLs are fetched");
    },
  );

  test("for credentials in it", async () => {
    const failure = await failureOf(() => publicFetch("http://me:secret@public.example/", unreachable));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toStartWith("A URL with credentials is not fetched");
    expect(failure.message).not.toContain("secret");
  });

  test("for a redirect to another scheme", async () => {
    const server = serve(() => new Response(null, { status: 302, headers: { location: "file:///etc/passwd" } }));
    const { options } = internet(server, { "public.example": [publicAddress] });
    const failure = await failureOf(() => publicFetch("http://public.example/", options));
    expect(failure.message).toContain("not file:");
  });
});

describe("the connection goes to the address that was checked", () => {
  test("with the host in the Host header, though the name has another address by now", async () => {
    const hosts: (string | null)[] = [];
    const server = serve((request) => {
      hosts.push(request.headers.get("host"));
      return new Response("hello");
    });
    const { options, dialled } = internet(server, {});
    const answers = [[publicAddress], ["127.0.0.1"]];
    const resolve = async () => answers.shift() ?? [];
    const { url, response } = await publicFetch("http://rebound.example:8080/", { ...options, resolve });
    expect(await response.text()).toBe("hello");
    expect(url.href).toBe("http://rebound.example:8080/");
    expect(dialled).toEqual([`http://${publicAddress}:8080/`]);
    expect(hosts).toEqual(["rebound.example:8080"]);
    expect(answers).toEqual([["127.0.0.1"]]);
  });

  test("with the host in the TLS handshake", async () => {
    const hello = Promise.withResolvers<Buffer>();
    const listener = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket, data) {
          hello.resolve(data);
          socket.end();
        },
      },
    });
    const url = `https://secure.example:${listener.port}/`;
    const resolve = async () => ["127.0.0.1"];
    const failure = failureOf(() => publicFetch(url, { signal, privateAddresses: "allowed", resolve }));
    expect((await hello.promise).toString("latin1")).toContain("secure.example");
    await failure;
    listener.stop(true);
  });

  test("the next one when the first does not answer", async () => {
    const { options, dialled } = internet(
      serve(() => new Response("second")),
      {
        "two.example": ["93.184.216.33", "2606:2800:21f:cb07::1"],
      },
    );
    const reach = options.fetch ?? fetch;
    const { response } = await publicFetch("http://two.example/", {
      ...options,
      fetch: (url, init) => (url.includes(".33") ? Promise.reject(new Error("unreachable")) : reach(url, init)),
    });
    expect(await response.text()).toBe("second");
    expect(dialled).toEqual(["http://[2606:2800:21f:cb07::1]/"]);
  });
});

describe("redirects", () => {
  test("are followed, and looked up anew, relative ones as well", async () => {
    const server = serve((request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/a") return new Response(null, { status: 301, headers: { location: "b" } });
      if (pathname === "/b") return Response.redirect("http://other.example/c", 307);
      return new Response(pathname);
    });
    const names = { "public.example": [publicAddress], "other.example": ["93.184.216.35"] };
    const { options, resolved, dialled } = internet(server, names);
    const { url, response } = await publicFetch("http://public.example/a", options);
    expect(await response.text()).toBe("/c");
    expect(url.href).toBe("http://other.example/c");
    expect(resolved).toEqual(["public.example", "public.example", "other.example"]);
    expect(dialled.at(-1)).toBe("http://93.184.216.35/c");
  });

  test("end after the fifth", async () => {
    let requests = 0;
    const server = serve((request) => {
      requests += 1;
      return Response.redirect(`http://public.example/${new URL(request.url).pathname.length}`, 302);
    });
    const { options } = internet(server, { "public.example": [publicAddress] });
    const failure = await failureOf(() => publicFetch("http://public.example/", options));
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.message).toContain("redirected more than 5 times");
    expect(requests).toBe(6);
  });
});

test("a look-up that fails after the abort disturbs no one", async () => {
  const reason = new Error("told to stop");
  const lookup = Promise.withResolvers<readonly string[]>();
  const failure = failureOf(() =>
    publicFetch("http://public.example/", {
      signal: AbortSignal.abort(reason),
      privateAddresses: "refused",
      resolve: () => lookup.promise,
    }),
  );
  expect(await failure).toBe(reason);
  lookup.reject(new Error("no such host"));
});

test("an abort ends a look-up that does not answer", async () => {
  const controller = new AbortController();
  const failure = failureOf(() =>
    publicFetch("http://public.example/", {
      signal: controller.signal,
      privateAddresses: "refused",
      resolve: () => new Promise(() => controller.abort(new Error("told to stop"))),
    }),
  );
  expect((await failure).message).toBe("told to stop");
});
