import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { firstName, readConfig } from "../../../host/config.ts";

let data: string;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "twin-config-"));
});

afterEach(() => rmSync(data, { recursive: true }));

it("calls a new twin as the account is called, and no two twins of nameless accounts the same", () => {
  expect(firstName("did:key:z6MkAbCd", "ada")).toBe("Ada");
  for (const account of ["root", "ubuntu", "svc-4711", "x", ""]) {
    expect(firstName("did:key:z6MkAbCd", account)).toBe("Twin AbCd");
  }
});

describe("the workers of the kernels", () => {
  it("are as many as was measured, unless the owner says how many", async () => {
    expect((await readConfig({ data }, {})).kernelWorkers).toBe("auto");
    writeFileSync(join(data, "config.json"), JSON.stringify({ kernelWorkers: 3 }));
    expect((await readConfig({ data }, {})).kernelWorkers).toBe(3);
    expect((await readConfig({ data, kernelWorkers: "auto" }, { TWIN_KERNEL_WORKERS: "2" })).kernelWorkers).toBe(
      "auto",
    );
  });

  it.each(["0", "-1", "1.5", "65", "many", ""])("are refused when they are %j", async (kernelWorkers) => {
    await expect(readConfig({ data, kernelWorkers }, {})).rejects.toMatchObject({
      code: "TWIN_CONFIG_INVALID",
      message: `--kernel-workers is "${kernelWorkers}": expected auto, or 1 to 64 workers.`,
    });
  });
});

describe("the lanes of the kernels", () => {
  it("are those that were measured, unless file, environment or flag say otherwise, the last one first", async () => {
    expect((await readConfig({ data }, {})).lanes).toBe("auto");
    writeFileSync(join(data, "config.json"), JSON.stringify({ lanes: "wasm" }));
    expect((await readConfig({ data }, {})).lanes).toBe("wasm");
    expect((await readConfig({ data }, { TWIN_LANES: "native" })).lanes).toBe("native");
    expect((await readConfig({ data, lanes: "auto" }, { TWIN_LANES: "native" })).lanes).toBe("auto");
  });

  it("are refused by name when there are none of that kind", async () => {
    await expect(readConfig({ data }, { TWIN_LANES: "gpu" })).rejects.toMatchObject({
      code: "TWIN_CONFIG_INVALID",
      message: 'TWIN_LANES is "gpu": expected one of auto, wasm, native.',
    });
    writeFileSync(join(data, "config.json"), JSON.stringify({ lanes: 7 }));
    await expect(readConfig({ data }, {})).rejects.toMatchObject({ code: "TWIN_CONFIG_INVALID" });
  });
});

describe("the token of the metrics", () => {
  it("is absent unless the file or the environment has one", async () => {
    expect((await readConfig({ data }, {})).metricsToken).toBeUndefined();
    writeFileSync(join(data, "config.json"), JSON.stringify({ metricsToken: "kept-in-the-file" }));
    expect((await readConfig({ data }, {})).metricsToken).toBe("kept-in-the-file");
    const environment = { TWIN_METRICS_TOKEN: "in-the-environment" };
    expect((await readConfig({ data }, environment)).metricsToken).toBe("in-the-environment");
  });

  it.each(["too-short", "with spaces in between", "x".repeat(257), "line\nbreak-in-between"])(
    "is refused without a word of it when it is %j",
    async (token) => {
      const refused = readConfig({ data }, { TWIN_METRICS_TOKEN: token });
      await expect(refused).rejects.toMatchObject({
        code: "TWIN_CONFIG_INVALID",
        message: "TWIN_METRICS_TOKEN must be 16 to 256 printable characters without spaces.",
      });
    },
  );
});
