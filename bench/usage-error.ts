// What the user of the bench can mend: shown as one sentence, without a stack.

/** A mistake in what the bench was told. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
