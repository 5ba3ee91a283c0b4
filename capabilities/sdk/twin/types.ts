// Types with a form that the host checks before a method runs.

/** Id of a twin. */
@pattern("^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$", 64)
export type TwinId = string;

/** Id of an object of the vault: 32 bytes in base58. */
@pattern("^[1-9A-HJ-NP-Za-km-z]{32,44}$", 44)
export type ObjectId = string;

/** Milliseconds since the Unix epoch. */
@range(0)
export type TimeMs = i64;
