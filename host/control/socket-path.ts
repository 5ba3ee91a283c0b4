// Where the local socket of a data folder is. A Unix socket's path has at most 107 bytes (sun_path
// of unix(7)); a deeper data folder names a short path elsewhere in `control.path`.

import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { utf8Encode } from "../base/bytes.ts";

const PATH_SIZE_BYTES_MAX = 107;
const POINTER_SIZE_MAX = 4_096;

/** The socket's path that a client tries: that of `control.path` when the folder has one. */
export async function findSocketPath(folder: string): Promise<string> {
  const named = await readFile(pointerPath(folder), "utf8").catch(() => "");
  return named !== "" && named.length <= POINTER_SIZE_MAX ? named : join(folder, "control.sock");
}

/** A path to listen on, in a folder that only this user may enter. Replaces what an earlier host recorded. */
export async function chooseSocketPath(folder: string): Promise<string> {
  await removePointer(folder);
  const plain = join(folder, "control.sock");
  if (utf8Encode(plain).length <= PATH_SIZE_BYTES_MAX) return plain;
  // mkdtemp makes the folder with mode 0700.
  const path = join(await mkdtemp(join(tmpdir(), "twin-")), "control.sock");
  const temporary = `${pointerPath(folder)}.tmp`;
  await writeFile(temporary, path, { mode: 0o600 });
  await rename(temporary, pointerPath(folder));
  return path;
}

/** Removes the socket, and the short path with its folder when there is one. */
export async function removeSocketPath(folder: string, path: string): Promise<void> {
  await rm(path, { force: true });
  if (path !== join(folder, "control.sock")) await removePointer(folder);
}

/** Whether somebody listens at the path. */
export async function answersAt(path: string): Promise<boolean> {
  const socket = connect(path);
  return (await new Promise((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  }).finally(() => socket.destroy())) as boolean;
}

async function removePointer(folder: string): Promise<void> {
  const path = await findSocketPath(folder);
  if (path !== join(folder, "control.sock") && dirname(path).startsWith(join(tmpdir(), "twin-"))) {
    await rm(dirname(path), { recursive: true, force: true });
  }
  await rm(pointerPath(folder), { force: true });
}

function pointerPath(folder: string): string {
  return join(folder, "control.path");
}
