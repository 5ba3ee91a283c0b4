// Folders and files. An entry keeps its id for life, so renaming and moving touch nothing but its
// own place.

import { ObjectId, kv } from "twin";
import {
  EntryId,
  File,
  FolderId,
  Place,
  ROOT,
  announce,
  checkDescent,
  checkName,
  create,
  find,
  need,
  needFolder,
  Usage,
  readUsage,
  relocate,
  removeTree,
} from "./tree";

const LIST_BYTES_MAX = 512 * 1024;

@length(1, 255)
type Name = string;

@range(0)
type Size = i64;

/** MIME type. */
@pattern("^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9!#$&^_.+-]+$", 127)
type MediaType = string;

/** `next` of the listing before. */
@length(0, 300)
type Cursor = string;

@range(1, 500)
type Limit = i32;

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

/** Makes an empty folder. */
@command
export function create_folder(parent: FolderId, name: Name): File {
  const folder = new File();
  folder.kind = "folder";
  folder.parent = parent;
  folder.name = name;
  return create(folder);
}

/** Adds a file whose content is in the vault already. */
@command
export function add(parent: FolderId, name: Name, object: ObjectId, sizeBytes: Size, type: MediaType): File {
  const file = new File();
  file.kind = "file";
  file.parent = parent;
  file.name = name;
  file.object = object;
  file.sizeBytes = sizeBytes;
  file.type = type;
  return create(file);
}

/** Gives a file or folder another name. */
@command
export function rename(id: EntryId, name: Name): File {
  const entry = need(id);
  checkName(name);
  if (entry.name == name) return entry;
  relocate(entry, entry.parent, name);
  announce(entry.parent);
  return entry;
}

/** Puts a file or folder into another folder. */
@command
export function move(id: EntryId, parent: FolderId): File {
  const entry = need(id);
  needFolder(parent);
  if (entry.parent == parent) return entry;
  checkDescent(parent, entry.id);
  const before = entry.parent;
  relocate(entry, parent, entry.name);
  announce(before);
  announce(parent);
  return entry;
}

/** Deletes a file, or a folder with all that is in it, up to 1,000 entries. */
@command
export function remove(id: EntryId): Removed {
  const entry = need(id);
  const answer = new Removed();
  answer.removed = removeTree(entry);
  announce(entry.parent);
  return answer;
}

/** What is in a folder: folders first, then files, each by name. The answer may hold fewer than limit; next, when not null, goes into after for the rest. */
@query
export function list(folder: FolderId, after: Cursor = "", limit: Limit = 200): Listing {
  needFolder(folder);
  const prefix = "n/" + folder + "/";
  // `after` is the rest of the last key: folders (0) before files (1), each by name.
  const entries = kv.scanAfter(prefix, prefix + after, limit + 1);
  const answer = new Listing();
  let bytes = 0;
  for (let index = 0; index < entries.length; index++) {
    const entry = find(entries[index].text);
    if (entry === null) continue;
    // A byte of a name may need six in JSON.
    bytes += 6 * String.UTF8.byteLength(entry.name) + 512;
    if (index == limit || bytes > LIST_BYTES_MAX) {
      answer.next = entries[index - 1].key.substring(prefix.length);
      break;
    }
    answer.entries.push(entry);
  }
  return answer;
}

/** One file or folder, or null. */
@query
export function stat(id: EntryId): Found {
  const answer = new Found();
  answer.entry = find(id);
  return answer;
}

/** The folders from the top down to an entry, itself included. */
@query
export function path(id: FolderId): Path {
  const answer = new Path();
  let at = id;
  while (at != ROOT) {
    const entry = need(at);
    answer.path.push(new Place(entry.id, entry.name));
    at = entry.parent;
  }
  answer.path.push(new Place(ROOT, ""));
  answer.path.reverse();
  return answer;
}

/** How much there is in all. */
@query
export function usage(): Usage {
  return readUsage();
}
