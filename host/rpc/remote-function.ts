// A function that lives on the other side of a connection (or here, when no connection is between).

import { checkFunction } from "./arguments.ts";

/** What capnweb adds to a function that it stubs. */
interface StubParts {
  dup?: () => (...args: never[]) => unknown;
  [Symbol.dispose]?: () => void;
}

/** A held remote function. Disposing it tells the other side that it will not be called again. */
export interface RemoteFunction<Args extends readonly unknown[]> extends Disposable {
  /** Resolves when the other side has answered; rejects when it threw or is gone. Calls start there in the order made here. */
  call(...args: Args): Promise<void>;
}

/**
 * Holds `value` beyond the call that brought it: capnweb disposes the stubs among a call's arguments
 * when the call returns. Undefined when it is absent; throws `TWIN_INPUT_INVALID` when it is no function.
 */
export function holdFunction<Args extends readonly unknown[]>(
  value: unknown,
  name: string,
): RemoteFunction<Args> | undefined {
  const given = checkFunction(value, name) as (((...args: Args) => unknown) & StubParts) | undefined;
  if (given === undefined) return undefined;
  const held = (given.dup?.() ?? given) as ((...args: Args) => unknown) & StubParts;
  return {
    call: async (...args) => {
      const answer = held(...args) as (PromiseLike<unknown> & Partial<Disposable>) | undefined;
      await answer;
    },
    [Symbol.dispose]: () => {
      if (held !== given) held[Symbol.dispose]?.();
    },
  };
}
