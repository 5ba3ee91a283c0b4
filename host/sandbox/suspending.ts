// JavaScript Promise Integration, as V8 has it and TypeScript's library does not yet: a WebAssembly
// stack stands still while a host function's promise is open. https://github.com/WebAssembly/js-promise-integration

type ImportFunction = (...args: (number | bigint)[]) => PromiseLike<number | bigint | void>;

interface PromiseIntegration {
  readonly Suspending: new (act: ImportFunction) => WebAssembly.ImportValue;
  readonly SuspendError: new () => Error;
  readonly promising: <Params extends readonly unknown[], Result>(
    exported: (...params: Params) => Result,
  ) => (...params: Params) => Promise<Result>;
}

const { Suspending, SuspendError, promising } = WebAssembly as unknown as PromiseIntegration;

/** The import that lets its caller stand still until the promise of `act` settles. */
export function suspendingImport(act: ImportFunction): WebAssembly.ImportValue {
  return new Suspending(act);
}

/** The export, run on a stack of its own that imports may suspend. Its stack is freed when the promise settles. */
export function promisingExport<Params extends readonly unknown[], Result>(
  exported: (...params: Params) => Result,
): (...params: Params) => Promise<Result> {
  return promising(exported);
}

/** Whether V8 threw because a suspending import was called where nothing can be suspended. */
export function isSuspendError(thrown: unknown): thrown is Error {
  return thrown instanceof SuspendError;
}
