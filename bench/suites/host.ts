// stub
import type { Suite, SuiteContext } from "../suites.ts";
export async function openHostSuite(_context: SuiteContext): Promise<Suite> {
  return { cases: [], [Symbol.asyncDispose]: async () => {} };
}
