import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import chromiumPackage from "../../node_modules/@sparticuz/chromium/package.json";

/** What went wrong in a page, and whom it asked beside its own server. Both grow while the page lives. */
export interface PageWatch {
  /** Console errors, refusals by the Content-Security-Policy among them, uncaught exceptions and failed requests. */
  readonly errors: readonly string[];
  /** Addresses requested from anywhere but the page's own origin. */
  readonly outside: readonly string[];
}

/** The one name of another machine that the browser finds; it leads back to this one. */
export const foreignHost = "foreign.example";

/** Milliseconds to allow for `launchBrowser` in a hook: the first launch on a machine unpacks Chromium. */
export const launchTimeoutMs = 120_000;

/**
 * A headless Chromium that reaches no host but this machine. One per test file is enough; `close()` it at the end.
 * `CHROMIUM_PATH` names another Chromium to use, for machines on which the bundled one does not run.
 * @throws Error that says what is missing.
 */
export async function launchBrowser(): Promise<Browser> {
  const installed = process.env.CHROMIUM_PATH;
  const bundle = installed === undefined ? await unpackedChromium() : null;
  const executablePath = installed ?? join(bundle ?? "", "chromium");
  try {
    return await chromium.launch({ executablePath, args: browserArguments, env: browserEnvironment(bundle) });
  } catch (error) {
    throw new Error(`Chromium at ${executablePath} did not start: ${message(error)}`, { cause: error });
  }
}

/** Watches a page from before its first navigation. */
export function watchPage(page: Page, origin: string): PageWatch {
  const errors: string[] = [];
  const outside: string[] = [];
  const noteOutside = (address: string) => {
    const url = new URL(address);
    const isLocal = url.protocol === "data:" || url.protocol === "blob:" || url.host === new URL(origin).host;
    if (!isLocal) outside.push(address);
  };
  page.on("console", (line) => {
    if (line.type() === "error") errors.push(line.text());
  });
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("requestfailed", (request) => errors.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on("request", (request) => noteOutside(request.url()));
  page.on("websocket", (socket) => noteOutside(socket.url()));
  return { errors, outside };
}

const browserArguments = [
  // Containers run as root, where Chromium's own sandbox does not start. The tests load pages of this repository only.
  "--no-sandbox",
  "--no-zygote",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-domain-reliability",
  "--disable-sync",
  "--no-first-run",
  "--no-pings",
  // Whatever is asked of another host ends here, by name or by number.
  `--host-resolver-rules=MAP ${foreignHost} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]`,
];

/**
 * With the bundle's own libraries (NSS, expat) and fonts, so that it runs alike on machines with and without them.
 * They are for the browser alone: this process keeps its own.
 */
function browserEnvironment(bundle: string | null): Record<string, string> {
  const own = Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const inherited: Record<string, string> = Object.fromEntries(own);
  if (bundle === null) return inherited;
  return { ...inherited, LD_LIBRARY_PATH: join(bundle, "al2023", "lib"), FONTCONFIG_PATH: join(bundle, "fonts") };
}

/**
 * The folder with the unpacked Chromium. The package unpacks in place and takes a half-written file for a whole one,
 * so this goes by way of a private folder, which is renamed when it is complete: test runs side by side are safe.
 */
async function unpackedChromium(): Promise<string> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    const here = `${process.platform} ${process.arch}`;
    throw new Error(
      `The bundled Chromium runs on linux x64, not on ${here}: set CHROMIUM_PATH to a Chromium or Chrome`,
    );
  }
  const root = join(import.meta.dir, "../..");
  const cache = join(root, "node_modules/.cache/chromium");
  const bundle = join(cache, chromiumPackage.version);
  if (existsSync(bundle)) return bundle;
  await mkdir(cache, { recursive: true });
  const staging = await mkdtemp(join(cache, "unpacking-"));
  try {
    await unpackInto(staging, root);
    await rename(staging, bundle).catch((error: unknown) => {
      if (!existsSync(bundle)) throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return bundle;
}

/** In a child, because the package reads these variables as a whole process: where to unpack, and that NSS belongs to it. */
async function unpackInto(directory: string, root: string): Promise<void> {
  const script = `import chromium from "@sparticuz/chromium"; await chromium.executablePath();`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    cwd: root,
    env: { ...process.env, TMPDIR: directory, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" },
    stdout: "ignore",
    stderr: "pipe",
  });
  const [code, output] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new Error(`Chromium could not be unpacked into ${directory}: ${output.trim()}`);
  await Bun.write(join(directory, "fonts", "fonts.conf"), fontConfiguration);
}

/** The package's own looks for its fonts in `/tmp`. The machine's fonts, if it has any, serve as well. */
const fontConfiguration = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir prefix="relative">fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
