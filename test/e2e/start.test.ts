// The first minutes of a host: starting, starting again, being killed, and being told off clearly.

import { createServer } from "node:net";
import { readdir, writeFile, mkdir } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { HostProcess, runTwin } from "../support/host-process.ts";

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

describe("a host", () => {
  it("shows the phrase at the first start alone, and is the same twin after SIGKILL and after Ctrl-C", async () => {
    await using host = await HostProcess.create();
    const first = await host.start(["--name", "Ada"]);
    expect(first.phrase?.split(" ")).toHaveLength(24);
    expect(first.twin).toMatch(/^did:key:z6Mk/);
    expect(first.loginLink).toMatch(/^http:\/\/localhost:\d+\/#login=/);
    expect((await fetch(`${first.webUrl}/healthz`)).status).toBe(200);
    await host.stop("SIGKILL");

    const second = await host.start();
    expect(second).toMatchObject({ twin: first.twin, name: "Ada" });
    expect(second.phrase).toBeUndefined();
    expect(await host.stop("SIGINT")).toBe(0);

    const third = await host.start();
    expect(third.twin).toBe(first.twin);
    expect(third.peerAddresses).toEqual(first.peerAddresses);
  });

  it("answers commands through its socket, and the same commands without a host", async () => {
    await using host = await HostProcess.create();
    await host.json("init", "--name", "Ada");
    const alone = await host.json("call", "echo", "echo", '{"text":"hello"}');
    await host.start();
    const served = await host.json("call", "echo", "echo", '{"text":"hello"}');
    expect(alone).toMatchObject({ text: "hello" });
    expect(served).toMatchObject({ text: "hello" });
    const names = ((await host.json("capability", "list")) as { name: string }[]).map(({ name }) => name);
    expect(names.toSorted()).toEqual(["chat", "contacts", "echo", "files"]);
    expect(((await host.json("experience", "list")) as { name: string }[]).map(({ name }) => name).toSorted()).toEqual([
      "chat",
      "files",
    ]);
    expect(await host.json("receipts", "--capability", "echo")).toHaveLength(2);
    await host.json("record", "echo", "5");
    await host.json("call", "echo", "echo", '{"text":"again"}', "--traceparent", TRACEPARENT);
    const traced = await host.json("receipts", "--trace", TRACEPARENT.split("-")[1]!);
    expect(traced).toMatchObject([{ capability: "echo", trace: { parent: TRACEPARENT.split("-")[2] } }]);
    const [{ sequence }] = traced as [{ readonly sequence: number }];
    expect(await host.json("replay", String(sequence))).toMatchObject({ isSame: true, receipt: sequence });
  });
});

describe("a host that cannot start says so in one sentence, fails, and changes nothing", () => {
  it("when its port is taken", async () => {
    await using host = await HostProcess.create();
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const { port } = blocker.address() as { port: number };
    const result = await host.twin("start", "--port", String(port));
    blocker.close();
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toMatch(new RegExp(`^[^\\n]*${port}[^\\n]*TWIN_HOST_PORT\\)\\n$`));
    await expect(readdir(host.folder)).rejects.toThrow("ENOENT");
  });

  it("when its folder cannot be made", async () => {
    await using host = await HostProcess.create();
    await writeFile(host.folder, "a file where the folder should be");
    const result = await host.twin("start", "--port", "0");
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toMatch(/^[^\n]*TWIN_HOST_FOLDER\)\n$/);
  });

  it("when its state file is broken", async () => {
    await using host = await HostProcess.create();
    await host.json("init");
    const path = join(host.folder, "twin", "state.sqlite");
    await writeFile(
      path,
      "this is not a database, and it is long enough to be looked at by anyone who opens it".repeat(50),
    );
    const before = await readdir(join(host.folder, "twin"));
    const result = await host.twin("start", "--port", "0");
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toMatch(/^[^\n]*TWIN_STATE_BROKEN\)\n$/);
    expect((await readdir(join(host.folder, "twin"))).filter((name) => !/-(wal|shm)$/.test(name))).toEqual(
      before.filter((name) => !/-(wal|shm)$/.test(name)),
    );
  });

  it("when another host runs in the folder", async () => {
    await using host = await HostProcess.create();
    const { webUrl } = await host.start();
    for (const port of ["0", new URL(webUrl).port]) {
      const result = await host.twin("start", "--port", port);
      expect(result.exitCode).not.toBe(0);
      expect(result.stderr).toMatch(/^A host already runs on [^\n]*TWIN_HOST_BUSY\)\n$/);
    }
  });

  it("when a setting is wrong, or the folder has no twin", async () => {
    await using host = await HostProcess.create();
    expect((await host.twin("start", "--port", "eighty")).stderr).toMatch(/--port is "eighty"/);
    expect((await host.twin("status")).stderr).toMatch(/twin start/);
    await mkdir(host.folder);
    await writeFile(join(host.folder, "config.json"), '{"prot": 1}');
    expect((await host.twin("start")).stderr).toMatch(/"prot"/);
  });

  it("and help teaches by example", async () => {
    const help = await runTwin(["--help"]);
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toMatch(/twin invite/);
    for (const command of ["init", "start", "call", "put", "invite", "receipts"]) {
      expect((await runTwin([command, "--help"])).stdout, command).toMatch(/Example/);
    }
  });
});
