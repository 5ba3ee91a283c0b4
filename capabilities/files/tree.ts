// What files keeps, and where:
//   e/<id>                File
//   n/<parent>/0<name>    id of the folder of that name; 1<name> of the file: the order of a listing
//   u                     Usage

import { blobs, emit, fail, kv, nowMs, randomId, require } from "twin";

/** Id of the folder that is always there and has no entry of its own. */
export const ROOT = "root";
const NAME_BYTES_MAX = 255;
const DEPTH_MAX = 64;
/** Beyond, one command would hold up all others and overflow its write set. */
const REMOVE_COUNT_MAX = 1000;

@pattern("^[0-9a-v]{26}$", 26)
export type EntryId = string;

/** The id of a folder, or `root`. */
@also("root")
@pattern("^[0-9a-v]{26}$", 26)
export type FolderId = string;

@oneOf("folder", "file")
type Kind = string;

@json
export class File {
  id: string = "";
  parent: string = "";
  kind: Kind = "";
  name: string = "";
  // Of the vault; empty for folders, as are size and type.
  object: string = "";
  sizeBytes: i64 = 0;
  type: string = "";
  createdAtMs: i64 = 0;
  modifiedAtMs: i64 = 0;
}

@json
export class Place {
  id: string = "";
  name: string = "";

  constructor(id: string = "", name: string = "") {
    this.id = id;
    this.name = name;
  }
}

@json
export class Usage {
  files: i64 = 0;
  folders: i64 = 0;
  sizeBytes: i64 = 0;
}

@event("files.changed")
class Changed {
  folder: string = "";
}

export function find(id: string): File | null {
  return kv.read<File>("e/" + id);
}

export function need(id: string): File {
  const entry = find(id);
  if (entry === null) fail("not-found", "There is no such file or folder; it may have been deleted.");
  return entry!;
}

export function needFolder(id: string): void {
  if (id == ROOT) return;
  require(need(id).kind == "folder", "not-a-folder", "Only a folder can hold files; this is a file.");
}

/** Puts a new entry into its folder. */
export function create(entry: File): File {
  checkName(entry.name);
  needFolder(entry.parent);
  checkDescent(entry.parent, "");
  checkFree(entry.parent, entry.name);
  entry.id = randomId();
  entry.createdAtMs = nowMs();
  entry.modifiedAtMs = entry.createdAtMs;
  kv.write("e/" + entry.id, entry);
  kv.put(placeOf(entry), entry.id);
  if (entry.kind == "file") blobs.link(entry.object);
  const usage = readUsage();
  count(usage, entry, 1);
  kv.write("u", usage);
  announce(entry.parent);
  return entry;
}

/** Gives an entry another place, which must be free. */
export function relocate(entry: File, parent: string, name: string): void {
  checkFree(parent, name);
  kv.remove(placeOf(entry));
  entry.parent = parent;
  entry.name = name;
  entry.modifiedAtMs = nowMs();
  kv.write("e/" + entry.id, entry);
  kv.put(placeOf(entry), entry.id);
}

/** Deletes an entry and all below it; answers how many. */
export function removeTree(top: File): i32 {
  const doomed: File[] = [top];
  for (let index = 0; index < doomed.length; index++) {
    if (doomed[index].kind != "folder") continue;
    const children = kv.scan("n/" + doomed[index].id + "/", REMOVE_COUNT_MAX);
    const tooMany = doomed.length + children.length > REMOVE_COUNT_MAX;
    require(!tooMany, "too-many", "The folder holds more than 1,000 entries; delete the folders in it one by one.");
    for (let child = 0; child < children.length; child++) doomed.push(need(children[child].text));
  }
  const usage = readUsage();
  for (let index = 0; index < doomed.length; index++) {
    const entry = doomed[index];
    kv.remove(placeOf(entry));
    kv.remove("e/" + entry.id);
    if (entry.kind == "file") blobs.unlink(entry.object);
    count(usage, entry, -1);
  }
  kv.write("u", usage);
  return doomed.length;
}

/** Fails when `folder` lies too deep for another level, or inside the entry `moved`. */
export function checkDescent(folder: string, moved: string): void {
  let id = folder;
  for (let depth = 0; id != ROOT; depth++) {
    require(id != moved, "cycle", "A folder cannot be moved into itself or a folder in it.");
    require(depth < DEPTH_MAX, "too-deep", "Nothing can lie deeper than in 64 nested folders; choose one higher up.");
    id = need(id).parent;
  }
}

export function checkName(name: string): void {
  const size = String.UTF8.byteLength(name);
  require(size > 0 && size <= NAME_BYTES_MAX, "name-invalid", "A name has 1 to 255 bytes.");
  require(name != "." && name != "..", "name-invalid", "A name cannot be . or ..");
  const split = name.includes("/") || name.includes("\0");
  require(!split, "name-invalid", "A name cannot hold a slash or a NUL.");
}

export function readUsage(): Usage {
  const kept = kv.read<Usage>("u");
  return kept === null ? new Usage() : kept;
}

export function announce(folder: string): void {
  const event = new Changed();
  event.folder = folder;
  emit(event);
}

function checkFree(parent: string, name: string): void {
  const taken = kv.get(place(parent, "folder", name)) !== null || kv.get(place(parent, "file", name)) !== null;
  require(!taken, "name-taken", "The folder has an entry of this name already; choose another.");
}

function placeOf(entry: File): string {
  return place(entry.parent, entry.kind, entry.name);
}

function place(parent: string, kind: string, name: string): string {
  return "n/" + parent + "/" + (kind == "folder" ? "0" : "1") + name;
}

function count(usage: Usage, entry: File, change: i64): void {
  if (entry.kind == "folder") {
    usage.folders += change;
    return;
  }
  usage.files += change;
  usage.sizeBytes += change * entry.sizeBytes;
}
