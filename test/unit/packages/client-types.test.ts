import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientTypes, type DescribedCapability } from "../../../host/packages/client-types.ts";
import type { JsonSchema } from "../../../host/packages/manifest.ts";
import { builtCapability } from "../../support/built-capability.ts";

const TSC = join(import.meta.dirname, "../../../node_modules/.bin/tsc");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "client-"));
});
afterAll(() => rm(folder, { recursive: true }));

function capability(params: JsonSchema, result: JsonSchema, doc = "Does."): DescribedCapability {
  const methods = { act: { kind: "query", doc, params, result } } as const;
  return { name: "some-thing", version: "1.0.0", title: "T", description: "D.", methods };
}

/** Lines of the file that the compiler refuses. */
async function wrongLines(types: string, source: string): Promise<number[]> {
  await writeFile(join(folder, "twin.d.ts"), types);
  await writeFile(join(folder, "main.js"), source);
  const flags =
    "--noEmit --checkJs --allowJs --strict --noUncheckedIndexedAccess --target esnext --module esnext --moduleResolution bundler --types";
  const args = [...flags.split(" "), "", "--lib", "esnext,dom", "twin.d.ts", "main.js"];
  const { stdout } = await promisify(execFile)(TSC, args, { cwd: folder }).catch(
    (failed: { readonly stdout: string }) => failed,
  );
  expect(stdout).not.toMatch(/twin\.d\.ts/u);
  return Array.from(stdout.matchAll(/^main\.js\((\d+),/gmu), ([, line]) => Number(line));
}

describe("clientTypes", () => {
  it("lets a plain JavaScript experience be checked against the built-in capabilities", async () => {
    const packs = await Promise.all((["chat", "contacts", "files"] as const).map((name) => builtCapability(name)));
    const types = clientTypes(packs.map(({ manifest }) => manifest));
    const source = `import { connect, TwinError } from "/-/twin.js";
const twin = await connect();
const { people } = await twin.contacts.list();
const name = people.map(({ name }) => name.toUpperCase()).join();
const message = await twin.chat.post({ to: "did:key:z", text: name }, { callId: "a" });
if (message.state === "queued") await twin.keep(message.id);
const { entry } = await twin.files.stat({ id: "x" });
console.log(entry?.name, await twin.call("any", "thing"));
await twin.chat.post({ to: "x" });
await twin.chat.post({ to: "x", text: 1 });
if (message.state === "nonsense") console.log();
entry.name;
twin.chat.nothing();
`;
    expect(await wrongLines(types, source)).toEqual([9, 10, 11, 12, 13]);
  });

  it("writes every kind of schema", () => {
    const types = clientTypes([
      capability(
        {
          type: "object",
          properties: { a: { type: ["string", "null"] }, "b-c": { enum: ["x", 1, null] } },
          required: ["a"],
        },
        {
          type: "array",
          items: { anyOf: [{ const: true }, { type: "object", additionalProperties: { type: "integer" } }] },
        },
      ),
    ]);
    expect(types).toContain('"some-thing": {');
    expect(types).toContain("readonly a: string | null;");
    expect(types).toContain('readonly "b-c"?: "x" | 1 | null;');
    expect(types).toContain("readonly (true | Readonly<Record<string, number>>)[]");
  });

  it("cannot be talked into code by the texts of a stranger's manifest", async () => {
    const doc = "*/ } } export const owned: number; /* \u2028 x";
    const types = clientTypes([
      capability({ type: "object", properties: { a: { enum: ['"; x'], description: doc } } }, true, doc),
    ]);
    const source = `import { owned, connect } from "/-/twin.js";
(await connect())["some-thing"].act({ a: "\\"; x" });
(await connect())["some-thing"].act();
`;
    expect(await wrongLines(types, source)).toEqual([1]);
  });
});
