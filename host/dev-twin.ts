// A scratch twin for an author at work: the real engine over a temporary folder. Every build takes the
// place of the one before as an upgrade, so what the twin keeps stays.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { jsonDecode, jsonEncode } from "./base/bytes.ts";
import { systemClock } from "./base/clock.ts";
import { TwinError } from "./base/errors.ts";
import type { Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import { builtInsFor } from "./built-ins.ts";
import type { Receipt, TwinEvent } from "./engine/engine.ts";
import { openEngine } from "./engine/open-engine.ts";
import { TwinOutside } from "./twin-outside.ts";
import { deriveIdentity } from "./identity/key-tree.ts";
import { ENTROPY_SIZE } from "./identity/phrase.ts";
import { openKernels } from "./kernels/open-kernels.ts";
import { compileCapability } from "./packages/build-capability.ts";
import type { Manifest } from "./packages/manifest.ts";

/** What the author sees as it happens. */
export interface DevListener {
  onLog(level: string, text: string): void;
  onReceipt(receipt: Receipt): void;
  onEvent(event: TwinEvent): void;
}

/** One scratch twin with one capability. */
export interface DevTwin extends AsyncDisposable {
  /** Builds the folder and installs what comes out. Throws the compiler's words; then the build before stays. */
  rebuild(): Promise<{ readonly manifest: Manifest; readonly sizeBytes: number; readonly buildMs: number }>;
  /** Calls a method as the owner. Throws `TWIN_INPUT_INVALID` before the first build that succeeded. */
  call(method: string, params: unknown): Promise<unknown>;
}

/** Opens a scratch twin for the capability in `folder`. */
export async function openDevTwin(folder: string, listener: DevListener): Promise<DevTwin> {
  const kernels = await openKernels();
  const identity = deriveIdentity(systemRandom.bytes(ENTROPY_SIZE), kernels);
  const data = await mkdtemp(join(tmpdir(), "twin-dev-"));
  const stateKey = systemRandom.bytes(32);
  const [log, outside] = [guestLines(listener), new TwinOutside()];
  const engine = await openEngine({ folder: data, twin: identity.id, stateKey, log, outside });
  engine.listen({ onReceipt: (receipt) => listener.onReceipt(receipt), onEvent: (event) => listener.onEvent(event) });
  let builds = 0;
  let name = "";
  return {
    rebuild: async () => {
      const startedMs = systemClock.elapsedMs();
      const build = ++builds;
      const { manifest, bytes } = await compileCapability({
        folder: resolve(folder),
        kernels,
        publisher: identity,
        versionOf: (written) => `${written}${written.includes("-") ? "." : "-"}dev.${build}`,
      });
      const there = (await engine.capabilities()).map((installed) => installed.name);
      for (const other of await builtInsFor(manifest, there)) await engine.install(other);
      // Whoever writes it has said yes to what it asks for.
      await engine.upgrade({ packageBytes: bytes, accept: ["permissions", "breaks"] });
      ({ name } = manifest);
      return { manifest, sizeBytes: bytes.length, buildMs: systemClock.elapsedMs() - startedMs };
    },
    call: async (method, params) => {
      if (name === "") throw new TwinError("TWIN_INPUT_INVALID", "Nothing is built yet: mend the source, and save it.");
      const request = { holder: { kind: "owner" }, capability: name, method, payload: jsonEncode(params) } as const;
      return jsonDecode((await engine.call(request)).payload);
    },
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      await rm(data, { recursive: true, force: true });
    },
  };
}

function guestLines(listener: DevListener): Log {
  const write =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, text: string): void => {
      if ("capability" in fields) listener.onLog(level, text);
    };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}
