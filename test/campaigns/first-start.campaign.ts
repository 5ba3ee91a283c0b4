// A host killed at any moment of its first start.

import { expect, it } from "vitest";
import { HostProcess } from "../support/host-process.ts";

it("a host survives SIGKILL at any moment of its first start", async () => {
  for (const delayMs of [60, 150, 250, 350, 450, 600, 800]) {
    await using host = await HostProcess.create();
    const starting = host.start().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await host.stop("SIGKILL");
    const interrupted = await starting;
    const report = await host.start();
    // Whoever has not seen the phrase must see it now.
    if (interrupted === undefined) expect(report.phrase?.split(" ")).toHaveLength(24);
    expect(((await host.json("capability", "list")) as unknown[]).length).toBe(4);
  }
});
