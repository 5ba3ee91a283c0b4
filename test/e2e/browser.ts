// Starts a real Chromium for a test: the machine's own when there is one, else the one that npm brings.
// The bundled one is unpacked once per version, atomically, so that test files may start in parallel.

import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium, type Browser } from "playwright-core";

const run = promisify(execFile);
const NODE_MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));
const SYSTEM_CHROMIUMS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome-stable",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Quiet and deterministic: no traffic of the browser's own, no QUIC, no first-run pages. Nothing here weakens web security. */
const FLAGS = [
  // Tests often run as root in a container, where Chromium's own sandbox cannot start.
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--no-default-browser-check",
  "--font-render-hinting=none",
];

interface Chromium {
  readonly executablePath: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a headless Chromium; the caller closes it. `extraFlags` come after the usual ones. */
export async function launchBrowser(extraFlags: readonly string[] = []): Promise<Browser> {
  const { executablePath, env } = (await findSystemChromium()) ?? (await unpackBundledChromium());
  return chromium.launch({ executablePath, env, args: [...FLAGS, ...extraFlags], headless: true, timeout: 120_000 });
}

async function findSystemChromium(): Promise<Chromium | undefined> {
  for (const executablePath of SYSTEM_CHROMIUMS) {
    if (await exists(executablePath)) return { executablePath, env: currentEnvironment() };
  }
  return undefined;
}

async function unpackBundledChromium(): Promise<Chromium> {
  const packageFile = join(NODE_MODULES, "@sparticuz/chromium/package.json");
  const { version } = JSON.parse(await readFile(packageFile, "utf8")) as { version: string };
  const folder = join(NODE_MODULES, ".cache", `chromium-${version}`);
  if (!(await exists(folder))) await unpackInto(folder);
  const libraries = join(folder, "al2023", "lib");
  const inherited = currentEnvironment();
  return {
    executablePath: join(folder, "chromium"),
    env: {
      ...inherited,
      // The same letters on every machine, whatever fonts it has.
      FONTCONFIG_FILE: join(folder, "fonts", "fonts.conf"),
      LD_LIBRARY_PATH: [libraries, inherited["LD_LIBRARY_PATH"]].filter(Boolean).join(":"),
    },
  };
}

/** The package unpacks into `TMPDIR` with fixed names, and its libraries only where it believes to be on AWS. */
async function unpackInto(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const fresh = await mkdtemp(`${folder}-`);
  const unpack = 'await (await import("@sparticuz/chromium")).default.executablePath()';
  await run(process.execPath, ["--input-type=module", "--eval", unpack], {
    cwd: NODE_MODULES,
    env: { ...currentEnvironment(), TMPDIR: fresh, AWS_LAMBDA_JS_RUNTIME: "nodejs24.x" },
  });
  await writeFile(join(fresh, "fonts", "fonts.conf"), fontConfiguration(folder));
  try {
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (!(await exists(folder))) throw error;
  }
}

/** The package's own configuration looks for its fonts where AWS puts them. */
function fontConfiguration(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(folder, "fonts")}</dir>
  <cachedir>${join(folder, "fonts-cache")}</cachedir>
  <alias binding="same"><family>sans-serif</family><prefer><family>Open Sans</family></prefer></alias>
  <alias binding="same"><family>system-ui</family><prefer><family>Open Sans</family></prefer></alias>
</fontconfig>
`;
}

function currentEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
