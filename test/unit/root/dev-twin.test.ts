import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { newCapability } from "../../../host/author.ts";
import { openDevTwin } from "../../../host/dev-twin.ts";

/** Changes the source of the guestbook in `folder`. */
async function edit(folder: string, from: string, to: string): Promise<void> {
  const path = join(folder, "index.ts");
  const source = await readFile(path, "utf8");
  expect(source).toContain(from);
  await writeFile(path, source.replaceAll(from, to));
}

it("takes each build in the place of the one before, keeps the state, and shows what calls do", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dev-"));
  const seen: string[] = [];
  await newCapability(folder, { name: "guestbook", language: "assemblyscript" });
  {
    await using twin = await openDevTwin(folder, {
      onLog: (level, text) => seen.push(`${level} ${text}`),
      onReceipt: ({ method, outcome, fuel }) => seen.push(`${method} ${outcome} ${fuel > 10_000}`),
      onEvent: ({ topic }) => seen.push(topic),
    });
    await expect(twin.call("sign", { text: "early" })).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
    expect((await twin.rebuild()).manifest.version).toBe("1.0.0-dev.1");
    await twin.call("sign", { text: "kept" });
    expect(seen.toSorted()).toEqual(["guestbook.signed", "sign ok true"]);

    await edit(folder, "line.text = text;", "line.text = nonsense;");
    await expect(twin.rebuild()).rejects.toThrow(/^index\.ts:\d+:\d+: Cannot find name 'nonsense'/u);
    await twin.call("sign", { text: "by the build before" });

    // What its author asks for by now, its author has granted.
    await edit(folder, "nonsense", 'text + "!"');
    await edit(folder, "import { Table,", "import { Table, log, unschedule,");
    await edit(folder, "  emit(event);", '  emit(event);\n  unschedule(1);\n  log.info("signed");');
    const file = join(folder, "capability.json");
    const described = JSON.parse(await readFile(file, "utf8")) as { permissions: object };
    const permissions = { ...described.permissions, schedule: "Takes timers back." };
    await writeFile(file, JSON.stringify({ ...described, permissions }));
    await twin.rebuild();
    await twin.call("sign", { text: "new" });
    expect(seen).toContain("info signed");
    const lines = (await twin.call("list", {})) as { text: string }[];
    expect(lines.map(({ text }) => text)).toEqual(["new!", "by the build before", "kept"]);
  }
  await rm(folder, { recursive: true });
}, 60_000);
