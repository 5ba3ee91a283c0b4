import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { hexEncode } from "../../../host/base/bytes.ts";
import { openKernelModule } from "../../../host/kernels/open-kernel-module.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

const BINARY = readFileSync(new URL("../../../assembly/build/kernels.wasm", import.meta.url));

it("keeps the module small enough for a browser: 64 KiB", () => {
  expect(BINARY.length).toBeLessThanOrEqual(64 * 1024);
});

it("imports nothing: no clock, no randomness, no way out", () => {
  expect(WebAssembly.Module.imports(new WebAssembly.Module(BINARY))).toEqual([]);
});

it("has a memory that inputs of any size leave as it is", async () => {
  const { bytes, exports } = await openKernelModule();
  expect(bytes.length).toBeLessThanOrEqual(1.2 * 1024 * 1024);
  const kernels = await openKernels();
  kernels.hash(seededBytes(1, 3_000_000));
  expect(exports.memory.buffer.byteLength).toBe(bytes.length);
});

it("gives instances that do not disturb one another", async () => {
  const [left, right] = [await openKernels(), await openKernels()];
  const data = seededBytes(2, 10_000);
  const hasher = left.createHasher().update(data.subarray(0, 5_000));
  right.createHasher().update(data).digest();
  expect(hexEncode(hasher.update(data.subarray(5_000)).digest())).toBe(hexEncode(right.hash(data)));
});

it("works in a worker thread", async () => {
  const opener = new URL("../../../host/kernels/open-kernels.ts", import.meta.url).href;
  const source = `
    import { parentPort } from "node:worker_threads";
    const { openKernels } = await import(${JSON.stringify(opener)});
    parentPort.postMessage((await openKernels()).hash(new Uint8Array(0)).toHex());`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
  const answer = await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  await worker.terminate();
  expect(answer).toBe("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
});
