// Packages in OCI registries, as the WebAssembly ecosystem lays them out (CNCF TAG Runtime, "Wasm OCI
// Artifact layout"): a manifest with the config type of Wasm and one layer, the package file.

import { createHash } from "node:crypto";
import { jsonEncode, utf8Decode, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { Kernels } from "../kernels/kernels.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { CapabilityPackage } from "./manifest.ts";
import { type RegistryCredentials, readBounded, RegistryClient } from "./oci-client.ts";
import type { OciReference } from "./oci-reference.ts";
import { PACKAGE_SIZE_MAX, packageFile, readPackage } from "./package-file.ts";
import type { Review } from "./review.ts";
import { isRecord } from "./strict-shape.ts";

const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE = "application/vnd.wasm.config.v0+json";
const LAYER_TYPE = "application/wasm";
/** Ours have less than 2 KiB. */
const MANIFEST_SIZE_MAX = 64 * 1_024;
const DIGEST = /^sha256:[0-9a-f]{64}$/u;

type Hashing = Pick<Kernels, "hash">;

/** What is in a registry now. */
export interface PushedPackage {
  readonly reference: string;
  /** Of the manifest: who pulls by it gets these very bytes. */
  readonly digest: string;
}

/**
 * The file at a place in a registry. It is the very one that the manifest names, and the manifest the very
 * one that the reference names, when that is a digest; who signed it is for the reader to check. Throws
 * `TWIN_REGISTRY_FAILED`.
 */
export async function pullPackage(
  place: OciReference,
  credentials?: RegistryCredentials,
): Promise<Uint8Array<ArrayBuffer>> {
  const { reference } = place;
  if (reference === undefined) {
    const message = `${place.registry}/${place.repository} names no version: add :TAG or @sha256:HEX.`;
    throw new TwinError("TWIN_INPUT_INVALID", message);
  }
  const client = new RegistryClient(place, credentials);
  const answer = await client.ask({ method: "GET", at: `manifests/${reference}`, headers: { accept: MANIFEST_TYPE } });
  if (answer.status !== 200) throw await client.refusal(answer);
  const manifest = await readBounded(answer, MANIFEST_SIZE_MAX);
  if (manifest === undefined) throw client.failure("its manifest is larger than that of any package");
  if (DIGEST.test(reference) && digestOf(manifest) !== reference) {
    throw client.failure("its manifest is not the one of this digest");
  }
  const layer = layerOf(manifest);
  if (layer === undefined)
    throw client.failure("what stands there is no package: expected one layer of type application/wasm");
  return await pullBlob(client, layer);
}

/**
 * Puts a package into a registry; without a tag under its version. A version never changes: throws
 * `TWIN_PACKAGE_CONFLICT` when another package stands there already. The same one gains reviews and
 * loses none. Throws `TWIN_REGISTRY_FAILED`.
 */
export async function pushPackage(
  place: OciReference,
  pack: CapabilityPackage,
  { kernels, credentials }: { readonly kernels: Hashing; readonly credentials?: RegistryCredentials | undefined },
): Promise<PushedPackage> {
  const { version } = pack.manifest;
  const tag = place.reference ?? version;
  if (DIGEST.test(tag)) throw new TwinError("TWIN_INPUT_INVALID", "A package is put under a tag, not under a digest.");
  const client = new RegistryClient(place, credentials);
  const there = await client.ask({ method: "HEAD", at: `manifests/${tag}`, headers: { accept: MANIFEST_TYPE } });
  const isVersion = there.status === 200 && tag === version;
  const known = isVersion ? reviewsOf(await pullPackage({ ...place, reference: tag }, credentials), pack, kernels) : [];
  const file = packageFile({ ...pack, reviews: [...known, ...pack.reviews] });
  // There may be too many reviews now.
  const whole = readPackage(file, kernels);
  const config = configOf(file);
  const manifest = manifestOf(whole, { file, config });
  const pushed = { reference: `${place.registry}/${place.repository}:${tag}`, digest: digestOf(manifest) };
  if (isVersion && there.headers.get("docker-content-digest") === pushed.digest) return pushed;
  await pushBlob(client, config);
  await pushBlob(client, file);
  const headers = { "content-type": MANIFEST_TYPE };
  const answer = await client.ask({ method: "PUT", at: `manifests/${tag}`, headers, body: manifest });
  if (answer.status !== 201) throw await client.refusal(answer);
  await answer.body?.cancel();
  return pushed;
}

/** The reviews of what stands under the version. Throws `TWIN_PACKAGE_CONFLICT` unless that is the same package. */
function reviewsOf(file: Uint8Array, { manifest, hash }: CapabilityPackage, kernels: Hashing): readonly Review[] {
  const there = readPackage(file, kernels);
  if (there.hash === hash) return there.reviews;
  const { name, version } = manifest;
  const message = `${name} ${version} is there with another content; a changed package needs a higher version.`;
  throw new TwinError("TWIN_PACKAGE_CONFLICT", message, { name, version });
}

interface Layer {
  readonly digest: string;
  readonly size: number;
}

async function pullBlob(client: RegistryClient, { digest, size }: Layer): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await client.ask({ method: "GET", at: `blobs/${digest}` });
  if (answer.status !== 200) throw await client.refusal(answer);
  const file = await readBounded(answer, size);
  if (file === undefined || file.length !== size || digestOf(file) !== digest) {
    throw client.failure("its file is not the one that its manifest names");
  }
  return file;
}

/** Distribution specification 1.1, "Pushing a blob monolithically". */
async function pushBlob(client: RegistryClient, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const digest = digestOf(bytes);
  const there = await client.ask({ method: "HEAD", at: `blobs/${digest}` });
  if (there.status === 200) return;
  const begun = await client.ask({ method: "POST", at: "blobs/uploads/", body: new Uint8Array() });
  const location = begun.headers.get("location");
  if (begun.status !== 202 || location === null) throw await client.refusal(begun);
  await begun.body?.cancel();
  const at = new URL(location, begun.url);
  at.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream" };
  const done = await client.ask({ method: "PUT", at, headers, body: bytes });
  if (done.status !== 201) throw await client.refusal(done);
  await done.body?.cancel();
}

/** The config that the layout asks for. Same package, same config: nothing in it is of the moment. */
function configOf(file: Uint8Array): Uint8Array<ArrayBuffer> {
  const created = new Date(0).toISOString();
  const layerDigests = [digestOf(file)];
  // The layout knows no other name for a module that is no component.
  return jsonEncode({ created, architecture: "wasm", os: "wasip1", layerDigests });
}

function manifestOf(
  { manifest }: CapabilityPackage,
  { file, config }: { readonly file: Uint8Array; readonly config: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const { name, version, description, licence, source } = manifest;
  const annotations = {
    "org.opencontainers.image.title": `${name}-${version}.wasm`,
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.description": description,
    "org.opencontainers.image.licenses": licence,
    "org.opencontainers.image.source": source,
  };
  return utf8Encode(
    canonicalJson({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: CONFIG_TYPE, digest: digestOf(config), size: config.length },
      layers: [{ mediaType: LAYER_TYPE, digest: digestOf(file), size: file.length }],
      annotations,
    }),
  );
}

/** The one layer of a package's manifest; undefined when it is another kind of manifest. */
function layerOf(bytes: Uint8Array): Layer | undefined {
  let manifest: unknown;
  try {
    manifest = JSON.parse(utf8Decode(bytes));
  } catch {
    return undefined;
  }
  if (!isRecord(manifest) || !isRecord(manifest["config"]) || !Array.isArray(manifest["layers"])) return undefined;
  const [layer, ...others] = manifest["layers"] as unknown[];
  if (manifest["config"]["mediaType"] !== CONFIG_TYPE || others.length > 0 || !isRecord(layer)) return undefined;
  const { mediaType, digest, size } = layer;
  if (mediaType !== LAYER_TYPE || typeof digest !== "string" || !DIGEST.test(digest)) return undefined;
  if (!Number.isSafeInteger(size) || (size as number) < 1 || (size as number) > PACKAGE_SIZE_MAX) return undefined;
  return { digest, size: size as number };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
