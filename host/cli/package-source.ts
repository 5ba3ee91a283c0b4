// Where a package comes from: a file, or an https link. What arrives is a stranger's either way; its
// signature and hash are for the twin to judge.

import { readFile } from "node:fs/promises";

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";

const DOWNLOAD_MS = 60_000;

/** The bytes at `source`. Throws `TWIN_INPUT_INVALID` for a link that does not answer with a package's size of bytes. */
export async function readSource(source: string): Promise<Uint8Array> {
  if (!/^https?:/u.test(source)) return new Uint8Array(await readFile(source));
  const url = new URL(source);
  const isLocal = url.hostname === "localhost" || url.hostname === "127.0.0.1";
  if (url.protocol !== "https:" && !isLocal) throw refused(source, "only https links are followed");
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_MS), redirect: "error" }).catch(
    (cause: unknown) => {
      throw refused(source, `it cannot be reached (${String(cause)})`);
    },
  );
  if (!response.ok || response.body === null) throw refused(source, `it answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body) {
    sizeBytes += chunk.length;
    if (sizeBytes > LIMITS.sandbox.moduleSizeBytes) throw refused(source, "it is larger than any package");
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function refused(source: string, why: string): TwinError {
  return new TwinError("TWIN_INPUT_INVALID", `Nothing was installed from ${source}: ${why}.`);
}
