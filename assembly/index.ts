// What the host may call, and where it puts and finds bytes.

export {
  BLAKE3_KEY, BLAKE3_LEASE, BLAKE3_NODE, BLAKE3_NODE_SIZE, BLAKE3_STATE, BLAKE3_STATE_SIZE,
  blake3Batch, blake3End, blake3Join, blake3Root, blake3Short, blake3Squeeze, blake3Start, blake3StartContext,
  blake3StartMaterial, blake3StartSubtree, blake3Update, blake3Value, blake3Wipe, forget,
} from "./blake3";
export { GEAR_TABLE, gearScan, gearStart } from "./gear";
export { RS_MATRIX, rsMultiply, rsPrepare, rsSlice, rsUnslice } from "./reed-solomon";
export { sha256Finish, sha256Start, sha256Update } from "./sha256";
export { WINDOW, WINDOW_SIZE } from "./window";
export {
  AEAD_TAG, aeadAbsorb, aeadOpen, aeadSeal, aeadStart, aeadTag, aeadVerify, aeadWipe,
} from "./chacha20-poly1305";
export { aeadOpenBatch, aeadSealBatch } from "./chacha20-poly1305-batch";
export {
  AEAD_DATA, AEAD_LEASE, AEAD_NONCE, AEAD_TEXT, aeadOpenMessage, aeadSealMessage, aeadWipeMessage,
} from "./chacha20-poly1305-message";
