// What the host may call, and where it puts and finds bytes.

export {
  BLAKE3_KEY, BLAKE3_STATE, BLAKE3_STATE_SIZE,
  blake3Finish, blake3Start, blake3StartContext, blake3StartMaterial, blake3Update, blake3Wipe,
} from "./blake3";
export { GEAR_TABLE, gearScan, gearStart } from "./gear";
export { RS_MATRIX, rsMultiply, rsPrepare } from "./reed-solomon";
export { WINDOW, WINDOW_SIZE } from "./window";
export {
  AEAD_KEY, AEAD_NONCE, AEAD_TAG, aeadAbsorb, aeadOpen, aeadSeal, aeadStart, aeadTag, aeadVerify, aeadWipe,
} from "./xchacha20-poly1305";
