// The one region through which bytes enter and leave. The host copies in, calls, copies out;
// inputs larger than the window pass through it piece by piece, so memory never grows.

/** Size of the window in bytes: all 255 stripes of the widest erasure code at 4 KiB each. */
export const WINDOW_SIZE: usize = 1 << 20;

/** First byte of the window, 64-aligned. Its layout is that of the call in progress; nothing in it outlives a call. */
export const WINDOW: usize = memory.data(1 << 20, 64);
