// Rotations of four words at once to the left, for ChaCha20 in vectors. Those by whole bytes are
// swizzles by a mask that is loaded: a constant one would be built anew from integers at each use.

/** Masks of the rotations by 16 and, 16 bytes further on, by 8. */
export const ROTATIONS: usize = memory.data<u8>([
  2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13,
  3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14,
], 16);

/** By 12. */
@inline
export function rotl12(x: v128): v128 { return v128.or(i32x4.shl(x, 12), i32x4.shr_u(x, 20)); }

/** By 7. */
@inline
export function rotl7(x: v128): v128 { return v128.or(i32x4.shl(x, 7), i32x4.shr_u(x, 25)); }
