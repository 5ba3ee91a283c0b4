import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { hexEncode } from "../../../host/base/bytes.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { openKernels } from "../../../host/kernels/open-kernels.ts";
import { type KernelPool, openKernelPool } from "../../../host/kernels/pool.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";
import type { PoolJobs } from "../../support/pool-jobs.ts";
import { seededBytes } from "../../support/seeded-bytes.ts";

const JOBS = new URL("../../support/pool-jobs.ts", import.meta.url);

const opened: KernelPool<PoolJobs>[] = [];

async function openPool(workerCount: number, clock: ManualClock = createManualClock()): Promise<KernelPool<PoolJobs>> {
  const pool = await openKernelPool<PoolJobs>({ jobs: JOBS, clock, workerCount });
  opened.push(pool);
  return pool;
}

afterEach(async () => {
  for (const pool of opened.splice(0)) await pool[Symbol.asyncDispose]();
});

function rejectsWith(code: string): object {
  return expect.objectContaining({ name: "TwinError", code });
}

describe("a pool", () => {
  it("runs kernels on its workers with the same results as here", async () => {
    const pool = await openPool(2);
    const kernels = await openKernels();
    const inputs = Array.from({ length: 8 }, (_, index) => seededBytes(index, 10_000 * index));
    const hashes = await Promise.all(inputs.map((data) => pool.run("hash", data)));
    expect(hashes.map(hexEncode)).toEqual(inputs.map((data) => hexEncode(kernels.hash(data))));
    const threads = await Promise.all(Array.from({ length: 6 }, () => pool.run("thread", null)));
    expect(new Set(threads).size).toBe(2);
    expect(threads).not.toContain(0);
  });

  it("moves buffers there and back, and copies what is not handed over", async () => {
    const pool = await openPool(1);
    const [moved, copied] = [seededBytes(1, 1_000), seededBytes(1, 1_000)];
    const back = await pool.run("invert", moved, { transfer: [moved.buffer] });
    expect(moved.length).toBe(0);
    expect(hexEncode(back)).toBe(hexEncode(copied.map((byte) => byte ^ 0xff)));
    await pool.run("invert", copied);
    expect(hexEncode(copied)).toBe(hexEncode(seededBytes(1, 1_000)));
  });

  it("gives a job's error its code, hides what is not a TwinError, and goes on", async () => {
    const pool = await openPool(1);
    await expect(pool.run("fail", "TWIN_SEAL_BROKEN")).rejects.toEqual(rejectsWith("TWIN_SEAL_BROKEN"));
    await expect(pool.run("fail", "a bug")).rejects.toEqual(rejectsWith("TWIN_HOST_INTERNAL"));
    await expect(pool.run("thread", null)).resolves.toBeGreaterThan(0);
  });

  it("refuses what cannot be sent, and goes on", async () => {
    const pool = await openPool(1);
    await expect(pool.run("hash", (() => {}) as never)).rejects.toThrow(/could not be cloned/);
    await expect(pool.run("thread", null)).resolves.toBeGreaterThan(0);
  });

  it("replaces a worker that dies: its job fails with an error that says try again, the others do not notice", async () => {
    const pool = await openPool(1);
    const before = await pool.run("thread", null);
    const doomed = pool.run("die", null);
    const behind = [pool.run("thread", null), pool.run("hash", seededBytes(1, 10))];
    await expect(doomed).rejects.toEqual(expect.objectContaining({ code: "TWIN_KERNEL_RESTARTED", retry: true }));
    const [after, hash] = await Promise.all(behind);
    expect(after).not.toBe(before);
    expect(hash).toHaveLength(32);
    await expect(pool.run("throwLater", null)).rejects.toEqual(rejectsWith("TWIN_KERNEL_RESTARTED"));
    await expect(pool.run("thread", null)).resolves.toBeGreaterThan(0);
  });

  it("bounds its queue", async () => {
    const pool = await openPool(1);
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const first = pool.run("wait", gate);
    const waiting = Array.from({ length: LIMITS.kernels.jobsWaiting }, () => pool.run("thread", null));
    expect(pool.waitingCount).toBe(LIMITS.kernels.jobsWaiting);
    const input = seededBytes(1, 10);
    await expect(pool.run("invert", input, { transfer: [input.buffer] })).rejects.toEqual(
      rejectsWith("TWIN_KERNEL_QUEUE"),
    );
    expect(input).toHaveLength(10);
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await Promise.all([first, ...waiting]);
    expect(pool.waitingCount).toBe(0);
  });

  it("lets a caller go at once, and does not run what had not begun", async () => {
    const pool = await openPool(1);
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const [running, queued] = [new AbortController(), new AbortController()];
    const begun = pool.run("wait", gate, { signal: running.signal });
    const input = seededBytes(1, 10);
    const never = pool.run("invert", input, { transfer: [input.buffer], signal: queued.signal });
    queued.abort();
    running.abort();
    await expect(never).rejects.toEqual(rejectsWith("TWIN_ABORTED"));
    await expect(begun).rejects.toEqual(rejectsWith("TWIN_ABORTED"));
    expect(input).toHaveLength(10);
    expect(pool.waitingCount).toBe(0);
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await expect(pool.run("thread", null)).resolves.toBeGreaterThan(0);
    await expect(pool.run("thread", null, { signal: AbortSignal.abort() })).rejects.toEqual(
      rejectsWith("TWIN_ABORTED"),
    );
  });

  it("lets an idle worker go and starts another when there is work", async () => {
    const clock = createManualClock();
    const pool = await openPool(1, clock);
    const before = await pool.run("thread", null);
    clock.advance(LIMITS.kernels.workerIdleMs - 1);
    await setImmediate();
    expect(await pool.run("thread", null)).toBe(before);
    clock.advance(LIMITS.kernels.workerIdleMs);
    await setImmediate();
    expect(await pool.run("thread", null)).not.toBe(before);
  });

  it("when closed, ends what runs and what waits", async () => {
    const pool = await openPool(1);
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const both = Promise.allSettled([pool.run("wait", gate), pool.run("thread", null)]);
    await pool[Symbol.asyncDispose]();
    for (const outcome of await both) expect(outcome).toMatchObject({ reason: { code: "TWIN_ABORTED" } });
    await expect(pool.run("thread", null)).rejects.toEqual(rejectsWith("TWIN_ABORTED"));
  });

  it("has at least one worker", async () => {
    for (const workerCount of [0, -1, 1.5, 65]) {
      await expect(openKernelPool({ jobs: JOBS, clock: createManualClock(), workerCount })).rejects.toThrow(RangeError);
    }
  });
});
