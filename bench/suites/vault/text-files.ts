// Many small text files, for what stores and compresses them.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededBytes } from "../../../test/support/seeded-bytes.ts";
import { seededText } from "../../../test/support/seeded-text.ts";

const CORPUS_SIZE = 16_000_000;
const SIZE_MIN = 2_000;
const SIZE_MAX = 60_000;
const FOLDER_COUNT = 100;

/** Files on disk. */
export interface TextFiles {
  readonly paths: readonly string[];
  /** All of them together. */
  readonly sizeBytes: number;
}

/** Writes files of 2 to 60 KB, 11 KB on average, until they have `sizeBytes`, into a folder that is made. The same each time. */
export function writeTextFiles(folder: string, sizeBytes: number): TextFiles {
  const corpus = seededText(7, CORPUS_SIZE);
  const paths: string[] = [];
  let total = 0;
  for (let index = 0; index < FOLDER_COUNT; index++) mkdirSync(join(folder, `${index}`), { recursive: true });
  while (total < sizeBytes) {
    const pick = new DataView(seededBytes(paths.length + 1, 20).buffer);
    // The middle of four is seldom far out.
    const place = (pick.getUint8(0) + pick.getUint8(1) + pick.getUint8(2) + pick.getUint8(3)) / 1_020;
    const size = Math.floor(SIZE_MIN * (SIZE_MAX / SIZE_MIN) ** place);
    const at = pick.getUint32(16, true) % (CORPUS_SIZE - SIZE_MAX);
    const path = join(folder, `${paths.length % FOLDER_COUNT}`, `${paths.length}.txt`);
    writeFileSync(path, corpus.subarray(at, at + size));
    paths.push(path);
    total += size;
  }
  return { paths, sizeBytes: total };
}
