import { expect, it } from "vitest";
import { harmless } from "../../../host/cli/output.ts";

it("prints nothing that a terminal would take as a command", () => {
  const attack = '\u001b]0;owned\u0007\u009b2Jname\u202egnp.exe\u0000"';
  expect(harmless(attack)).toBe('\\u001b]0;owned\\u0007\\u009b2Jname\\u202egnp.exe\\u0000"');
  expect(harmless("two\nlines,\ta tab, \u00e4 \u{1f44b} and 1 234")).toBe(
    "two\nlines,\ta tab, \u00e4 \u{1f44b} and 1 234",
  );
});

it("keeps JSON what it says", () => {
  const value = { text: "a\u009bb\u202ec\u007f" };
  expect(JSON.parse(harmless(JSON.stringify(value)))).toEqual(value);
});
