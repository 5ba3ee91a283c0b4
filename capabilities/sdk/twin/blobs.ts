// Large content: objects of the twin's vault, by reference.

import { encode, hostBlobLink, hostBlobUnlink } from "./abi";

/** Needs the permission `blobs`. Only in a command. */
export namespace blobs {
  /**
   * Says that this capability needs the object: the vault keeps it. Ends the call when `object` can be
   * no object's id; a parameter of the type `ObjectId` is checked before.
   */
  export function link(object: string): void {
    const id = encode(object);
    hostBlobLink(changetype<usize>(id), id.byteLength);
  }

  /** Takes one {@link link} back. */
  export function unlink(object: string): void {
    const id = encode(object);
    hostBlobUnlink(changetype<usize>(id), id.byteLength);
  }
}
