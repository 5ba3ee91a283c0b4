// The whole corpus.

import { ANSWER_GUESTS } from "./answer-guests.ts";
import { AUTHORITY_GUESTS } from "./authority-guests.ts";
import type { HostileGuest } from "./hostile-guest.ts";
import { MEMORY_GUESTS } from "./memory-guests.ts";
import { SHAPE_GUESTS } from "./shape-guests.ts";
import { TIME_GUESTS } from "./time-guests.ts";

/** All hostile guests. */
export const HOSTILE_GUESTS: readonly HostileGuest[] = [
  ...TIME_GUESTS,
  ...MEMORY_GUESTS,
  ...SHAPE_GUESTS,
  ...AUTHORITY_GUESTS,
  ...ANSWER_GUESTS,
];
