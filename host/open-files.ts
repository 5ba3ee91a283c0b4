// The form of an export: plain files, their SHA-256 sums as `sha256sum` reads them, and a manifest signed by
// the twin (docs/formats/export.md). The root, the hash of the sums, names the content and nothing else.

import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";

import { jsonDecode, jsonEncode, utf8Decode, utf8Encode } from "./base/bytes.ts";
import { TwinError } from "./base/errors.ts";
import { syncFolder } from "./base/sync-folder.ts";
import type { Identity } from "./identity/identity.ts";
import { verifySignature } from "./identity/signature.ts";
import type { TwinId } from "./identity/twin-id.ts";

const FORMAT = "twin-export";
const VERSION = 1;
const DOMAIN = "twin-export/1";
const SUMS = "SHA256SUMS";
const MANIFEST = "manifest.json";
const SIGNATURE = "manifest.signature";
const READ_SIZE = 1024 * 1024;
const SUM_LINE = /^([0-9a-f]{64}) {2}(\S.*)$/u;
/** Never up, never from the root, no separator but `/`. */
const PATH = /^(?!\/)(?!.*(?:^|\/)\.{1,2}(?:\/|$))[^\\\p{Cc}]{1,1000}$/u;

/** What an export says of itself. */
export interface ExportManifest {
  readonly twin: TwinId;
  /** When it was begun, in ms since 1970. */
  readonly atMs: number;
  /** Hexadecimal SHA-256 of the sums: the same content, the same root. */
  readonly root: string;
  readonly fileCount: number;
}

/** An export that is being written. */
export class ExportWriter {
  readonly #folder: string;
  readonly #sums = new Map<string, string>();

  /** Writes into `folder`, which exists and is empty. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes one file, synced. `path` is relative, with `/`, and new. Answers its size in bytes. */
  async write(path: string, source: AsyncIterable<Uint8Array>): Promise<number> {
    if (!PATH.test(path) || this.#sums.has(path)) throw new RangeError(`No path for an export: ${path}`);
    const target = join(this.#folder, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const hash = createHash("sha256");
    let sizeBytes = 0;
    await pipeline(
      source,
      async function* (pieces: AsyncIterable<Uint8Array>) {
        for await (const piece of pieces) {
          hash.update(piece);
          sizeBytes += piece.length;
          yield piece;
        }
      },
      createWriteStream(target, { flags: "wx", mode: 0o600, flush: true }),
    );
    this.#sums.set(path, hash.digest("hex"));
    return sizeBytes;
  }

  has(path: string): boolean {
    return this.#sums.has(path);
  }

  /** Writes sums, manifest and signature. */
  async finish(identity: Pick<Identity, "id" | "sign">, atMs: number): Promise<ExportManifest> {
    const lines = [...this.#sums].toSorted(([left], [right]) => (left < right ? -1 : 1));
    const sums = utf8Encode(lines.map(([path, sum]) => `${sum}  ${path}\n`).join(""));
    const root = createHash("sha256").update(sums).digest("hex");
    const manifest = { twin: identity.id, atMs, root, fileCount: lines.length };
    const bytes = jsonEncode({ format: FORMAT, version: VERSION, ...manifest });
    const put = (name: string, content: Uint8Array): Promise<void> =>
      writeFile(join(this.#folder, name), content, { flag: "wx", mode: 0o600, flush: true });
    await put(SUMS, sums);
    await put(MANIFEST, bytes);
    await put(SIGNATURE, utf8Encode(`${identity.sign(DOMAIN, bytes).toHex()}\n`));
    await syncFolder(this.#folder);
    return manifest;
  }
}

/** An export whose signature and list hold. */
export interface OpenExport {
  readonly manifest: ExportManifest;
  /** In order. */
  readonly paths: readonly string[];
  /** The bytes of a listed file. Throws `TWIN_SEAL_BROKEN` behind the last one when they are not those of the list: only then they count. */
  read(path: string): AsyncIterable<Uint8Array>;
}

/** Opens the export of `twin` in `folder`. Throws `TWIN_CONFIG_INVALID` when there is none, `TWIN_SEAL_BROKEN` when it was changed or is another twin's. */
export async function openExport(folder: string, twin: string): Promise<OpenExport> {
  const [manifestBytes, signature, sums] = await Promise.all(
    [MANIFEST, SIGNATURE, SUMS].map((name) => load(folder, name)),
  );
  if (!verifySignature(twin, DOMAIN, manifestBytes!, signatureOf(signature!))) {
    throw broken("the signature of its manifest is not that of this phrase's twin");
  }
  const { format, version, ...manifest } = jsonDecode(manifestBytes!) as ExportManifest & Record<string, unknown>;
  if (format !== FORMAT || version !== VERSION) throw broken("it is of another version: use a newer program");
  if (createHash("sha256").update(sums!).digest("hex") !== manifest.root) throw broken(`${SUMS} was changed`);
  const listed = new Map(
    utf8Decode(sums!)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [, sum = "", path = ""] = SUM_LINE.exec(line) ?? [];
        if (!PATH.test(path)) throw broken(`${SUMS} has a line that is none`);
        return [path, sum] as const;
      }),
  );
  return {
    manifest,
    paths: [...listed.keys()],
    async *read(path) {
      const hash = createHash("sha256");
      const pieces: AsyncIterable<Uint8Array> = createReadStream(join(folder, path), { highWaterMark: READ_SIZE });
      try {
        for await (const piece of pieces) {
          hash.update(piece);
          yield piece;
        }
      } catch (cause) {
        throw cause instanceof Error && "syscall" in cause ? broken(`${path} cannot be read`) : cause;
      }
      if (hash.digest("hex") !== listed.get(path)) throw broken(`${path} was changed`);
    },
  };
}

function signatureOf(text: Uint8Array): Uint8Array {
  const hex = utf8Decode(text).trim();
  return /^(?:[0-9a-f]{2})+$/u.test(hex) ? Uint8Array.fromHex(hex) : new Uint8Array(0);
}

async function load(folder: string, name: string): Promise<Uint8Array> {
  return await readFile(join(folder, name)).catch((cause: unknown) => {
    throw new TwinError("TWIN_CONFIG_INVALID", `${folder} is no export of a twin: ${name} cannot be read.`, {}, cause);
  });
}

function broken(why: string): TwinError {
  return new TwinError("TWIN_SEAL_BROKEN", `This export does not hold: ${why}. Nothing was imported.`);
}
