// Reads the objects of a twin from its shard files and its phrase, without the host: vault.md and
// erasure-code.md as a program. Needs Node 22.15 and `npm i @noble/ciphers @noble/hashes @scure/base @scure/bip39`.
//
//   node vault-cat.mjs --phrase FILE STORE...                 lists the objects
//   node vault-cat.mjs --phrase FILE --object ID STORE... > x   writes one of them
//
// STORE is a folder with shard files, at any depth. Any k of the n shards of each segment are enough;
// a leaf that does not hold counts as lost. Nothing is written but the answer.

import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { zstdDecompressSync } from "node:zlib";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { blake3 } from "@noble/hashes/blake3.js";
import { base58 } from "@scure/base";
import { mnemonicToEntropy } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";

const LEAF = 65_536;
const STRIPE = 128;
const text = (string) => new TextEncoder().encode(string);
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const u32 = (bytes, at) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
const u64 = (bytes, at) => Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true));
const derive = (context, key) => blake3(key, { context: text(context) });
const keyed = (key, ...parts) => blake3(Buffer.concat(parts), { key });

const { values: flags, positionals: folders } = parseArgs({
  options: { phrase: { type: "string" }, object: { type: "string" } },
  allowPositionals: true,
});
const words = readFileSync(flags.phrase, "utf8").normalize("NFKD").toLowerCase().trim().split(/\s+/u).join(" ");
const vaultKey = derive("digital-twin-host v1 vault key", mnemonicToEntropy(words, wordlist));
const keyOf = (purpose) => derive(`digital-twin-host 2026-11 vault ${purpose} v1`, vaultKey);
const keys = {
  data: keyOf("data block id"),
  manifest: keyOf("manifest block id"),
  block: keyOf("block seal"),
  table: keyOf("segment table seal"),
  check: keyOf("shard header check"),
  name: keyOf("shard name"),
};

// The field GF(2^8) as a tower over GF(2^4), and the code's matrix (erasure-code.md).

function small(left, right) {
  let sum = 0;
  for (let bit = 0; bit < 4; bit++) if (right & (1 << bit)) sum ^= left << bit;
  for (let bit = 6; bit >= 4; bit--) if (sum & (1 << bit)) sum ^= 0b10011 << (bit - 4);
  return sum;
}

function product(left, right) {
  const [a, b, c, d] = [left & 15, left >> 4, right & 15, right >> 4];
  return small(a, c) ^ small(8, small(b, d)) | ((small(a, d) ^ small(b, c) ^ small(b, d)) << 4);
}

const inverse = (element) => [...Array(256).keys()].find((other) => product(element, other) === 1);
const quotient = (left, right) => product(left, inverse(right));

/** Row of shard `index`: what each data shard adds to it. */
function codeRow(index, k, m) {
  if (index < k) return Array.from({ length: k }, (_, column) => Number(column === index));
  const cauchy = (row, column) => inverse(row ^ (m + column));
  const i = index - k;
  return Array.from({ length: k }, (_, j) =>
    quotient(product(cauchy(i, j), cauchy(0, 0)), product(cauchy(0, j), cauchy(i, 0))),
  );
}

/** Factors that make data shard `wanted` of the shards `sources`, by Gauss and Jordan. */
function factorsOf(wanted, sources, k, m) {
  const rows = sources.map((source, at) => [...codeRow(source, k, m), ...sources.map((_, own) => Number(own === at))]);
  for (let column = 0; column < k; column++) {
    const pivot = rows.findIndex((row, at) => at >= column && row[column] !== 0);
    [rows[pivot], rows[column]] = [rows[column], rows[pivot]];
    const lead = rows[column][column];
    rows[column] = rows[column].map((element) => quotient(element, lead));
    for (let at = 0; at < k; at++) {
      const factor = rows[at][column];
      if (at !== column && factor !== 0) {
        rows[at] = rows[at].map((element, place) => element ^ product(factor, rows[column][place]));
      }
    }
  }
  return rows[wanted].slice(k);
}

/** Adds `factor` times `source` to `sum`: whole stripes of 128 bytes, in planes of 16. */
function addProduct(sum, source, factor) {
  for (let from = 0; from < 8; from++) {
    const image = product(factor, 1 << from);
    for (let to = 0; to < 8; to++) {
      if ((image & (1 << to)) === 0) continue;
      for (let at = 0; at < sum.length; at += STRIPE) {
        for (let byte = 0; byte < 16; byte++) sum[at + to * 16 + byte] ^= source[at + from * 16 + byte];
      }
    }
  }
}

// Shards: every file whose name is one of this vault's, by segment and index.

/** Reads a part of a file; shorter when the file is. */
function readPart(path, offset, size) {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, readSync(file, bytes, 0, size, offset));
  } finally {
    closeSync(file);
  }
}

/** A shard whose header holds, or undefined. */
function openShard(path, segment, index) {
  const fixed = readPart(path, 0, 40);
  if (fixed.length < 40 || fixed.toString("latin1", 0, 8) !== "TWINSHD1" || fixed[27] !== 1) return undefined;
  const [payloadSize, tableSize, shardSize] = [u32(fixed, 28), u32(fixed, 32), u32(fixed, 36)];
  const leaves = Math.ceil(shardSize / LEAF);
  const header = readPart(path, 0, 72 + 32 * leaves);
  const checked = header.subarray(0, 40 + 32 * leaves);
  if (hex(keyed(keys.check, checked)) !== hex(header.subarray(checked.length))) return undefined;
  if (hex(header.subarray(8, 24)) !== segment || header[24] !== index) return undefined;
  const leaf = (at) => {
    const bytes = readPart(path, header.length + at * LEAF, Math.min(LEAF, shardSize - at * LEAF));
    return hex(blake3(bytes)) === hex(header.subarray(40 + 32 * at, 72 + 32 * at)) ? bytes : undefined;
  };
  return { index, k: header[25], m: header[26], payloadSize, tableSize, shardSize, leaf };
}

const segments = new Map();
for (const folder of folders) {
  for (const name of readdirSync(folder, { recursive: true })) {
    const [, id, at, tag] = /([0-9a-f]{32})-([0-9a-f]{2})-([0-9a-f]{16})(?:\.shard)?$/u.exec(name) ?? [];
    if (id === undefined) continue;
    const [segment, index] = [Buffer.from(id, "hex"), Number.parseInt(at, 16)];
    if (hex(keyed(keys.name, segment, Uint8Array.of(index)).subarray(0, 8)) !== tag) continue;
    const shard = openShard(join(folder, name), id, index);
    if (shard === undefined) continue;
    if (!segments.has(id)) segments.set(id, { ...shard, id, idBytes: segment, shards: [] });
    segments.get(id).shards.push(shard);
  }
}

// Segments: any part of the payload, leaf by leaf, from its own shard or from k others.

function readLeaf(segment, wanted, at) {
  const found = new Map();
  for (const shard of segment.shards.toSorted((left, right) => (right.index === wanted) - (left.index === wanted))) {
    const leaf = found.has(shard.index) ? undefined : shard.leaf(at);
    if (leaf !== undefined && shard.index === wanted) return leaf;
    if (leaf !== undefined) found.set(shard.index, leaf);
    if (found.size === segment.k) break;
  }
  if (found.size < segment.k) throw new Error(`Segment ${segment.id}: ${found.size} shards hold, ${segment.k} must.`);
  const sources = [...found.keys()];
  const sum = Buffer.alloc(found.get(sources[0]).length);
  for (const [place, factor] of factorsOf(wanted, sources, segment.k, segment.m).entries()) {
    addProduct(sum, found.get(sources[place]), factor);
  }
  return sum;
}

function readPayload(segment, offset, size) {
  const parts = [];
  for (let at = offset; at < offset + size;) {
    const within = at % segment.shardSize;
    const leaf = readLeaf(segment, Math.floor(at / segment.shardSize), Math.floor(within / LEAF));
    parts.push(leaf.subarray(within % LEAF, (within % LEAF) + offset + size - at));
    at += parts.at(-1).length;
  }
  return Buffer.concat(parts);
}

// Blocks: where each stands, as the segments' own tables say.

const blocks = new Map();
for (const segment of segments.values()) {
  try {
    const sealed = readPayload(segment, segment.payloadSize - segment.tableSize, segment.tableSize);
    const table = xchacha20poly1305(keyed(keys.table, segment.idBytes), new Uint8Array(24)).decrypt(sealed);
    for (let at = 0, offset = 0; at < table.length;) {
      const [id, kind, size] = [table.subarray(at, at + 32), table[at + 32] & 0x7f, u32(table, at + 33)];
      const isCompressed = table[at + 32] >= 0x80;
      const stored = isCompressed ? u32(table, at + 37) : size;
      const sealedSize = stored + 16 * Math.max(1, Math.ceil(stored / LEAF));
      const block = blocks.get(hex(id)) ?? { id, kind, size, places: [] };
      block.places.push({ segment, offset, sealedSize, isCompressed });
      at += isCompressed ? 41 : 37;
      blocks.set(hex(id), block);
      offset += sealedSize;
    }
  } catch (error) {
    console.error(`Left out: ${error.message}`);
  }
}

function openBlock({ id, kind, size }, { segment, offset, sealedSize, isCompressed }) {
  const sealed = readPayload(segment, offset, sealedSize);
  const key = keyed(keys.block, id, segment.idBytes);
  const frames = Math.ceil(sealedSize / (LEAF + 16));
  const stored = Buffer.concat(
    Array.from({ length: frames }, (_, frame) => {
      const nonce = new Uint8Array(24);
      new DataView(nonce.buffer).setUint32(19, frame, false);
      nonce[23] = Number(frame === frames - 1);
      return xchacha20poly1305(key, nonce).decrypt(sealed.subarray(frame * (LEAF + 16), (frame + 1) * (LEAF + 16)));
    }),
  );
  const plain = isCompressed ? zstdDecompressSync(stored, { maxOutputLength: size }) : stored;
  if (hex(keyed(kind === 0 ? keys.data : keys.manifest, plain)) !== hex(id)) throw new Error("A block is another.");
  return plain;
}

/** A block may stand in two segments: the first that gives it does. */
function readBlock(name) {
  const block = blocks.get(name);
  let failure = new Error(`Block ${name} is in none of these stores.`);
  for (const place of block?.places ?? []) {
    try {
      return openBlock(block, place);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function readManifest(name) {
  const block = readBlock(name);
  const typeEnd = 14 + block.readUInt16LE(10);
  const nameEnd = typeEnd + block.readUInt16LE(12);
  const children = [];
  for (let at = nameEnd; at < block.length; at += 40) children.push(hex(block.subarray(at, at + 32)));
  const title = { type: block.toString("utf8", 14, typeEnd), name: block.toString("utf8", typeEnd, nameEnd) };
  return { level: block[1], size: u64(block, 2), children, ...title };
}

function* contentOf(name) {
  const { level, children } = readManifest(name);
  for (const child of children) {
    if (level === 0) yield readBlock(child);
    else yield* contentOf(child);
  }
}

async function print(bytes) {
  if (!process.stdout.write(bytes)) await new Promise((resolve) => process.stdout.once("drain", resolve));
}

if (flags.object === undefined) {
  for (const { id, kind } of blocks.values()) {
    if (kind !== 2) continue;
    const { size, type, name } = readManifest(hex(id));
    await print(`${base58.encode(id)}\t${size}\t${type}\t${name}\n`);
  }
} else {
  for (const piece of contentOf(hex(base58.decode(flags.object)))) await print(piece);
}
