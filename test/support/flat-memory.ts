// One object of a given size in and out of a vault with workers, in a process of its own: how much memory
// the process has at most while it does each. Arguments: gigabytes and an empty folder. Prints JSON.

import { randomFillSync } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createVaultOpener } from "../../bench/suites/vault/open-bench-vault.ts";

const PIECE_SIZE = 1_048_576;
const MARK_STEP = 65_536;
const LOOK_MS = 50;

const [gigabytes = "1", folder = ""] = process.argv.slice(2);
const sizeBytes = Number(gigabytes) * 1e9;
const peaks: Record<string, number> = {};
let phase = "start";
const look = (): void => {
  peaks[phase] = Math.max(peaks[phase] ?? 0, process.memoryUsage.rss());
};

/** Bytes of which no chunk is like another. */
async function* content(): AsyncGenerator<Uint8Array> {
  const piece = randomFillSync(new Uint8Array(PIECE_SIZE));
  const view = new DataView(piece.buffer);
  for (let at = 0; at < sizeBytes; at += PIECE_SIZE) {
    for (let mark = 0; mark < PIECE_SIZE; mark += MARK_STEP) view.setFloat64(mark, at + mark);
    yield piece.subarray(0, Math.min(PIECE_SIZE, sizeBytes - at));
  }
}

async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<void> {
  let size = 0;
  for await (const { length } of pieces) size += length;
  if (size !== sizeBytes) throw new Error(`The vault gave ${size} bytes of ${sizeBytes}.`);
}

look();
const timer = setInterval(look, LOOK_MS);
{
  await using stack = new AsyncDisposableStack();
  const open = await createVaultOpener(stack);
  const { vault } = stack.use(await open(folder));
  phase = "put";
  const { id } = await vault.put(content());
  phase = "get";
  await readAll(vault.read(id));
  for (const lost of ["b", "e"]) rmSync(join(folder, "stores", lost), { recursive: true });
  phase = "get with two stores lost";
  await readAll(vault.read(id));
  phase = "repair";
  await vault.scrub();
}
clearInterval(timer);
process.stdout.write(JSON.stringify(peaks));
