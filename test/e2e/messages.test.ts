// Two twins on two hosts: they pair, talk, and lose nothing when one of them is killed.

import { describe, expect, it } from "vitest";

import { HostProcess } from "../support/host-process.ts";

interface Message {
  readonly text: string;
  readonly state: string;
}

describe("two twins", () => {
  it("pair by an invite, once, and find each other among their contacts", async () => {
    await using ada = await HostProcess.create();
    await using ben = await HostProcess.create();
    const adaReport = await ada.start(["--name", "Ada"]);
    const benReport = await ben.start(["--name", "Ben"]);
    const { code } = (await ada.json("invite")) as { code: string };
    expect(await ben.json("accept", code)).toEqual({ twin: adaReport.twin, name: "Ada" });
    expect(await ada.json("call", "contacts", "list")).toMatchObject({
      people: [{ twin: benReport.twin, name: "Ben" }],
    });
    expect(await ben.json("call", "contacts", "list")).toMatchObject({
      people: [{ twin: adaReport.twin, name: "Ada" }],
    });

    await using eve = await HostProcess.create();
    await eve.start(["--name", "Eve"]);
    const refused = await eve.twin("accept", code);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toMatch(/TWIN_INVITE_USED/);
    expect((await eve.twin("accept", `${code.slice(0, -1)}${code.endsWith("2") ? "3" : "2"}`)).stderr).toMatch(
      /TWIN_INVITE_INVALID/,
    );
  });

  it("exchange messages exactly once and in order while the receiver is killed again and again", async () => {
    await using ada = await HostProcess.create();
    await using ben = await HostProcess.create();
    const adaReport = await ada.start(["--name", "Ada"]);
    const benReport = await ben.start(["--name", "Ben"]);
    await ben.json("accept", ((await ada.json("invite")) as { code: string }).code);

    const sent: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 4; index++) {
        const text = `message ${round}.${index}`;
        await post(ada, benReport.twin, text);
        sent.push(text);
        if (index === 1) await ben.stop("SIGKILL");
      }
      await ben.start();
    }
    await expect.poll(() => texts(ben, adaReport.twin)).toEqual(sent);
    await expect.poll(() => states(ada, benReport.twin)).toEqual(sent.map(() => "delivered"));

    await post(ben, adaReport.twin, "all read");
    await expect.poll(() => texts(ada, benReport.twin)).toEqual([...sent, "all read"]);
  });

  it("refuse what was not exposed: a stranger's message is parked at its sender", async () => {
    await using ada = await HostProcess.create();
    await using ben = await HostProcess.create();
    const adaReport = await ada.start(["--name", "Ada"]);
    const benReport = await ben.start(["--name", "Ben"]);
    await ben.json("accept", ((await ada.json("invite")) as { code: string }).code);
    await ben.json("call", "contacts", "remove", JSON.stringify({ twin: adaReport.twin }));
    await post(ada, benReport.twin, "still friends?");
    await expect.poll(() => ada.ask(async (control) => (await control.status()).engine.parked)).toBe(1);
    expect(await texts(ben, adaReport.twin)).toEqual([]);
  });
});

async function post(host: HostProcess, to: string, text: string): Promise<void> {
  await host.ask((control) => control.call("chat", "post", { to, text }));
}

async function messages(host: HostProcess, peer: string): Promise<readonly Message[]> {
  const { result } = await host.ask((control) => control.call("chat", "messages", { peer, limit: 100 }));
  return (result as unknown as { messages: Message[] }).messages;
}

async function texts(host: HostProcess, peer: string): Promise<string[]> {
  return (await messages(host, peer)).map(({ text }) => text);
}

async function states(host: HostProcess, peer: string): Promise<string[]> {
  return (await messages(host, peer)).map(({ state }) => state);
}
