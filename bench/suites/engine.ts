// stub
import type { Suite, SuiteContext } from "../suites.ts";
export async function openEngineSuite(_context: SuiteContext): Promise<Suite> {
  return { cases: [], [Symbol.asyncDispose]: async () => {} };
}
