// ChaCha20 (RFC 8439, sections 2.1 to 2.4) and HChaCha20 (draft-irtf-cfrg-xchacha-03, section 2.2).
// No branch and no index depends on key, nonce or text.

import { copy32, wipe, xorFew } from "./blocks";

/** The 16 words of state, RFC 8439 section 2.3: constants (4), key (8), block counter (1), nonce (3). */
export const CHACHA20_STATE: usize = memory.data(64, 16);
const STATE: usize = CHACHA20_STATE;
/** Its key. */
export const CHACHA20_KEY: usize = CHACHA20_STATE + 16;

/** One block of keystream. */
const KEYSTREAM: usize = memory.data(64, 16);

/** Sets the key: the 32 bytes at `key`. */
export function chacha20Key(key: usize): void {
  store<u32>(STATE, 0x61707865);
  store<u32>(STATE, 0x3320646e, 4);
  store<u32>(STATE, 0x79622d32, 8);
  store<u32>(STATE, 0x6b206574, 12);
  copy32(STATE + 16, key);
}

/** Sets the block counter and the 12 bytes of nonce at `nonce`. */
export function chacha20Nonce(counter: u32, nonce: usize): void {
  store<u32>(STATE, counter, 48);
  store<u32>(STATE, load<u32>(nonce), 52);
  store<u64>(STATE, load<u64>(nonce, 4), 56);
}

/** HChaCha20: replaces the key by the subkey that key and the 16 bytes at `input` give. */
export function hchacha20(input: usize): void {
  store<v128>(STATE, load<v128>(input), 48);
  permute(KEYSTREAM, false);
  store<v128>(STATE, load<v128>(KEYSTREAM), 16);
  store<v128>(STATE, load<v128>(KEYSTREAM, 48), 32);
}

/** Writes the next 64 bytes of keystream to `out` and steps the counter. */
export function chacha20Block(out: usize): void {
  permute(out, true);
  store<u32>(STATE, load<u32>(STATE, 48) + 1, 48);
}

/** Adds keystream to the `size` bytes at `text`, in place, block by block. Only the last call for a nonce may have a size that is no multiple of 64. */
export function chacha20Xor(text: usize, size: usize): void {
  for (const end = text + size; text < end; text += 64) {
    chacha20Block(KEYSTREAM);
    xorFew(text, KEYSTREAM, min(end - text, 64));
  }
}

/** Forgets key, nonce and keystream. */
export function chacha20Wipe(): void {
  wipe(STATE, 64);
  wipe(KEYSTREAM, 64);
}

/** Ten double rounds over the state, section 2.3; then the state is added when `feedForward`. */
function permute(out: usize, feedForward: bool): void {
  let v0 = load<u32>(STATE), v1 = load<u32>(STATE, 4), v2 = load<u32>(STATE, 8), v3 = load<u32>(STATE, 12);
  let v4 = load<u32>(STATE, 16), v5 = load<u32>(STATE, 20), v6 = load<u32>(STATE, 24), v7 = load<u32>(STATE, 28);
  let v8 = load<u32>(STATE, 32), v9 = load<u32>(STATE, 36), v10 = load<u32>(STATE, 40), v11 = load<u32>(STATE, 44);
  let v12 = load<u32>(STATE, 48), v13 = load<u32>(STATE, 52), v14 = load<u32>(STATE, 56), v15 = load<u32>(STATE, 60);

  for (let round = 0; round < 10; round++) {
    // columns
    v0 += v4; v12 = rotl(v12 ^ v0, 16); v8 += v12; v4 = rotl(v4 ^ v8, 12);
    v1 += v5; v13 = rotl(v13 ^ v1, 16); v9 += v13; v5 = rotl(v5 ^ v9, 12);
    v2 += v6; v14 = rotl(v14 ^ v2, 16); v10 += v14; v6 = rotl(v6 ^ v10, 12);
    v3 += v7; v15 = rotl(v15 ^ v3, 16); v11 += v15; v7 = rotl(v7 ^ v11, 12);
    v0 += v4; v12 = rotl(v12 ^ v0, 8); v8 += v12; v4 = rotl(v4 ^ v8, 7);
    v1 += v5; v13 = rotl(v13 ^ v1, 8); v9 += v13; v5 = rotl(v5 ^ v9, 7);
    v2 += v6; v14 = rotl(v14 ^ v2, 8); v10 += v14; v6 = rotl(v6 ^ v10, 7);
    v3 += v7; v15 = rotl(v15 ^ v3, 8); v11 += v15; v7 = rotl(v7 ^ v11, 7);
    // diagonals
    v0 += v5; v15 = rotl(v15 ^ v0, 16); v10 += v15; v5 = rotl(v5 ^ v10, 12);
    v1 += v6; v12 = rotl(v12 ^ v1, 16); v11 += v12; v6 = rotl(v6 ^ v11, 12);
    v2 += v7; v13 = rotl(v13 ^ v2, 16); v8 += v13; v7 = rotl(v7 ^ v8, 12);
    v3 += v4; v14 = rotl(v14 ^ v3, 16); v9 += v14; v4 = rotl(v4 ^ v9, 12);
    v0 += v5; v15 = rotl(v15 ^ v0, 8); v10 += v15; v5 = rotl(v5 ^ v10, 7);
    v1 += v6; v12 = rotl(v12 ^ v1, 8); v11 += v12; v6 = rotl(v6 ^ v11, 7);
    v2 += v7; v13 = rotl(v13 ^ v2, 8); v8 += v13; v7 = rotl(v7 ^ v8, 7);
    v3 += v4; v14 = rotl(v14 ^ v3, 8); v9 += v14; v4 = rotl(v4 ^ v9, 7);
  }

  store<u32>(out, v0); store<u32>(out, v1, 4); store<u32>(out, v2, 8); store<u32>(out, v3, 12);
  store<u32>(out, v4, 16); store<u32>(out, v5, 20); store<u32>(out, v6, 24); store<u32>(out, v7, 28);
  store<u32>(out, v8, 32); store<u32>(out, v9, 36); store<u32>(out, v10, 40); store<u32>(out, v11, 44);
  store<u32>(out, v12, 48); store<u32>(out, v13, 52); store<u32>(out, v14, 56); store<u32>(out, v15, 60);
  if (!feedForward) return;
  for (let offset: usize = 0; offset < 64; offset += 16) {
    store<v128>(out + offset, i32x4.add(load<v128>(out + offset), load<v128>(STATE + offset)));
  }
}
