// Folders and files. An entry keeps its id for life, so renaming and moving touch nothing but its
// own place.

import { kv, params, reply } from "twin";
import {
  File,
  Place,
  ROOT,
  announce,
  checkDescent,
  checkName,
  create,
  find,
  need,
  needFolder,
  readUsage,
  relocate,
  removeTree,
} from "./tree";

const LIST_BYTES_MAX = 512 * 1024;

@json
class CreateFolderParams {
  parent: string = "";
  name: string = "";
}

@json
class AddParams {
  parent: string = "";
  name: string = "";
  object: string = "";
  sizeBytes: i64 = 0;
  type: string = "";
}

@json
class RenameParams {
  id: string = "";
  name: string = "";
}

@json
class MoveParams {
  id: string = "";
  parent: string = "";
}

@json
class IdParams {
  id: string = "";
}

@json
class ListParams {
  folder: string = "";
  after: string = "";
  limit: i32 = 200;
}

@json
class Removed {
  removed: i32 = 0;
}

@json
class Listing {
  entries: File[] = [];
  next: string | null = null;
}

@json
class Found {
  entry: File | null = null;
}

@json
class Path {
  path: Place[] = [];
}

export function create_folder(address: i32, size: i32): i64 {
  const asked = params<CreateFolderParams>(address, size);
  const folder = new File();
  folder.kind = "folder";
  folder.parent = asked.parent;
  folder.name = asked.name;
  return reply(create(folder));
}

export function add(address: i32, size: i32): i64 {
  const asked = params<AddParams>(address, size);
  const file = new File();
  file.kind = "file";
  file.parent = asked.parent;
  file.name = asked.name;
  file.object = asked.object;
  file.sizeBytes = asked.sizeBytes;
  file.type = asked.type;
  return reply(create(file));
}

export function rename(address: i32, size: i32): i64 {
  const asked = params<RenameParams>(address, size);
  const entry = need(asked.id);
  checkName(asked.name);
  if (entry.name == asked.name) return reply(entry);
  relocate(entry, entry.parent, asked.name);
  announce(entry.parent);
  return reply(entry);
}

export function move(address: i32, size: i32): i64 {
  const asked = params<MoveParams>(address, size);
  const entry = need(asked.id);
  needFolder(asked.parent);
  if (entry.parent == asked.parent) return reply(entry);
  checkDescent(asked.parent, entry.id);
  const before = entry.parent;
  relocate(entry, asked.parent, entry.name);
  announce(before);
  announce(asked.parent);
  return reply(entry);
}

export function remove(address: i32, size: i32): i64 {
  const asked = params<IdParams>(address, size);
  const entry = need(asked.id);
  const answer = new Removed();
  answer.removed = removeTree(entry);
  announce(entry.parent);
  return reply(answer);
}

export function list(address: i32, size: i32): i64 {
  const asked = params<ListParams>(address, size);
  needFolder(asked.folder);
  const prefix = "n/" + asked.folder + "/";
  // `after` is the rest of the last key: folders (0) before files (1), each by name.
  const entries = kv.scanAfter(prefix, prefix + asked.after, asked.limit + 1);
  const answer = new Listing();
  let bytes = 0;
  for (let index = 0; index < entries.length; index++) {
    const entry = find(entries[index].text);
    if (entry === null) continue;
    // A byte of a name may need six in JSON.
    bytes += 6 * String.UTF8.byteLength(entry.name) + 512;
    if (index == asked.limit || bytes > LIST_BYTES_MAX) {
      answer.next = entries[index - 1].key.substring(prefix.length);
      break;
    }
    answer.entries.push(entry);
  }
  return reply(answer);
}

export function stat(address: i32, size: i32): i64 {
  const asked = params<IdParams>(address, size);
  const answer = new Found();
  answer.entry = find(asked.id);
  return reply(answer);
}

export function path(address: i32, size: i32): i64 {
  const asked = params<IdParams>(address, size);
  const answer = new Path();
  let id = asked.id;
  while (id != ROOT) {
    const entry = need(id);
    answer.path.push(new Place(entry.id, entry.name));
    id = entry.parent;
  }
  answer.path.push(new Place(ROOT, ""));
  answer.path.reverse();
  return reply(answer);
}

export function usage(_address: i32, _size: i32): i64 {
  return reply(readUsage());
}
