// Begins a capability: copies the guestbook of one language under another name.

import { cp, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TwinError } from "../base/errors.ts";
import { NAME_RULE } from "./manifest-file.ts";
import { TOOLCHAIN } from "./authoring/compile-assembly-script.ts";

/** Languages that `newCapability` knows. */
export const LANGUAGES = ["assemblyscript", "c", "rust"] as const;

/** One of {@link LANGUAGES}. */
export type Language = (typeof LANGUAGES)[number];

const TEMPLATE_NAME = "guestbook";

/**
 * Makes `folder`, which must be absent or empty, with a capability of that name which builds and
 * passes its tests. Throws `TWIN_INPUT_INVALID`.
 */
export async function newCapability(
  folder: string,
  { name, language }: { readonly name: string; readonly language: Language },
): Promise<void> {
  if (!NAME_RULE.pattern.test(name))
    throw new TwinError("TWIN_INPUT_INVALID", `A capability is named by ${NAME_RULE.form}.`);
  await mkdir(folder, { recursive: true });
  const there = await readdir(folder);
  if (there.length > 0) {
    throw new TwinError("TWIN_INPUT_INVALID", `${folder} is not empty (it holds ${there[0]}); choose another place.`);
  }
  for (const part of ["common", language]) {
    await cp(join(TOOLCHAIN.sdk, "templates", part), folder, { recursive: true });
  }
  const title = `${name[0]!.toUpperCase()}${name.slice(1)}`.replaceAll("-", " ");
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replaceAll(TEMPLATE_NAME, name).replaceAll("Guestbook", title));
    // npm leaves files of the dotted name out of packages.
    const kept = entry.name === "gitignore" ? ".gitignore" : entry.name.replace(TEMPLATE_NAME, name);
    await rename(path, join(entry.parentPath, kept));
  }
}
