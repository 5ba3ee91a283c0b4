// Many small text files, for what stores and compresses them.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededBytes } from "../../../test/support/seeded-bytes.ts";
import { seededText } from "../../../test/support/seeded-text.ts";

const CORPUS_SIZE = 16_000_000;
const SIZE_MIN = 4_000;
const SIZE_MAX = 64_000;
const FOLDER_COUNT = 100;
/** Random bytes for each file: four for its size, four for its place in the corpus. */
const PICK_SIZE = 8;

/** Files on disk. */
export interface TextFiles {
  readonly paths: readonly string[];
  /** All of them together. */
  readonly sizeBytes: number;
}

/** Writes files of 4 to 64 KB, 17 KB on average, until they have `sizeBytes`, into a folder that is made. The same each time. */
export function writeTextFiles(folder: string, sizeBytes: number): TextFiles {
  const corpus = seededText(7, CORPUS_SIZE);
  const picks = new DataView(seededBytes(11, PICK_SIZE * Math.ceil(sizeBytes / SIZE_MIN)).buffer);
  const paths: string[] = [];
  let total = 0;
  for (let index = 0; index < FOLDER_COUNT; index++) mkdirSync(join(folder, `${index}`), { recursive: true });
  while (total < sizeBytes) {
    const pick = paths.length * PICK_SIZE;
    // The middle of four is seldom far out.
    const place = [0, 1, 2, 3].reduce((sum, byte) => sum + picks.getUint8(pick + byte), 0) / 1_020;
    const size = Math.floor(SIZE_MIN * (SIZE_MAX / SIZE_MIN) ** place);
    const at = picks.getUint32(pick + 4, true) % (CORPUS_SIZE - SIZE_MAX);
    const path = join(folder, `${paths.length % FOLDER_COUNT}`, `${paths.length}.txt`);
    writeFileSync(path, corpus.subarray(at, at + size));
    paths.push(path);
    total += size;
  }
  return { paths, sizeBytes: total };
}
