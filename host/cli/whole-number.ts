// Numbers on the command line.

import { InvalidArgumentError } from "commander";

/** The whole number, 0 or more, that `text` says. Throws commander's error, which names the option or argument. */
export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/u.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number.");
}
