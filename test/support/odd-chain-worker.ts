// A chain worker without a chain: does what the account of a question begins with.

import { parentPort } from "node:worker_threads";

/** First byte of the account -> what becomes of the question. */
export const ODD = {
  echo: 0,
  silence: 1,
  failure: 2,
  death: 3,
  crash: 4,
  stuck: 5,
  heap: 6,
  unasked: 7,
  oddCode: 8,
} as const;

parentPort?.on("message", ({ id, account }: { readonly id: number; readonly account: Uint8Array }) => {
  const reply = (message: object): void => parentPort!.postMessage(message);
  switch (account[0]) {
    case ODD.echo:
      return reply({ id, answer: { account } });
    case ODD.failure:
      return reply({ id, error: { code: "TWIN_CHAIN_FAILED", message: "No." } });
    case ODD.death:
      return process.exit(7);
    case ODD.crash:
      throw new Error("a bug of the library");
    case ODD.stuck:
      for (;;);
    case ODD.heap:
      for (const kept: unknown[] = []; ;) kept.push(Array.from({ length: 1_000_000 }, () => id));
    case ODD.unasked:
      for (let count = 0; count < 1_000; count++) reply({ id: count + 1_000_000, answer: {} });
      return reply({ id, answer: undefined });
    case ODD.oddCode:
      return reply({ id, error: { code: "TWIN_NONSENSE", message: "?" } });
    default:
  }
});
