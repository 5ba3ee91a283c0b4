// `call` and `receipts`: use a capability, and see what it cost.

import { type Command, Option } from "commander";

import { TwinError } from "../../base/errors.ts";
import type { Json, OwnerApi, Receipt, ReceiptSum } from "../../index.ts";
import { faultAdvice } from "../fault-advice.ts";
import { answer, formatSize, formatTime, table } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";
import { wholeNumber } from "../whole-number.ts";

/** Adds the commands to `program`. */
export function addCallCommands(program: Command): void {
  program
    .command("call <capability> <method> [json]")
    .description("call a method of a capability as the owner")
    .option("--call-id <id>", "repeat safely: the same id returns the recorded answer")
    .option("--traceparent <text>", "what led to the call (W3C Trace Context)")
    .addHelpText("after", `\nExamples:\n  twin call echo echo '{"text":"hello"}'\n  twin call contacts list\n`)
    .action((...[capability, method, json, , command]: [string, string, string | undefined, unknown, Command]) =>
      call({ capability, method, json }, command.optsWithGlobals()),
    );
  program
    .command("receipts")
    .description("what was called, by whom, and what it cost, newest first")
    .option("--capability <name>", "of this capability only")
    .option("--caller <caller>", "of this caller only, for example experience:chat")
    .option("--trace <id>", "of this trace only: what one cause has led to")
    .addOption(new Option("--limit <count>", "how many").default(20).argParser(wholeNumber))
    .option("--sums", "what calls have cost per day, capability and caller, instead of single ones")
    .option("--since <day>", "with --sums: down to this day, for example 2026-01-31")
    .addHelpText(
      "after",
      "\nExamples:\n  twin receipts --capability chat --limit 5\n  twin receipts --sums --since 2026-01-31\n",
    )
    .action((_, command: Command) => receipts(command.optsWithGlobals()));
}

type CallFlags = SessionOptions & { readonly callId?: string | undefined; readonly traceparent?: string | undefined };

async function call(
  request: { readonly capability: string; readonly method: string; readonly json: string | undefined },
  options: CallFlags,
): Promise<void> {
  const params = parseParams(request.json);
  const { result } = await withOwner(options, (owner) =>
    owner
      .call(request.capability, request.method, params, {
        callId: options.callId,
        traceparent: options.traceparent,
      })
      .catch(async (thrown: unknown) => {
        throw await withDirections(thrown, request.capability, owner);
      }),
  );
  answer(options, result, () => JSON.stringify(result, null, 2));
}

/** Tells who calls what is not there what is, and whose capability failed where to look. */
async function withDirections(thrown: unknown, name: string, owner: Pick<OwnerApi, "capabilities">): Promise<unknown> {
  if (!(thrown instanceof TwinError)) return thrown;
  const advice = faultAdvice(thrown);
  if (advice !== undefined) return withWords(thrown, advice);
  if (thrown.code !== "TWIN_CALL_UNKNOWN") return thrown;
  const installed = await owner.capabilities();
  const called = installed.find((capability) => capability.name === name);
  const there =
    called === undefined
      ? `Installed: ${installed.map((each) => each.name).join(", ")}.`
      : `It has: ${Object.keys(called.methods).join(", ")}.`;
  return withWords(thrown, there);
}

function withWords(error: TwinError, words: string): TwinError {
  return new TwinError(error.code, `${error.message} ${words}`, error.details, error);
}

function parseParams(text: string | undefined): Json {
  try {
    return text === undefined ? {} : (JSON.parse(text) as Json);
  } catch (cause) {
    throw new TwinError("TWIN_INPUT_INVALID", `The parameters are not JSON: ${(cause as Error).message}.`, {}, cause);
  }
}

interface ReceiptFlags extends SessionOptions {
  readonly capability?: string;
  readonly caller?: string;
  readonly trace?: string;
  readonly limit: number;
  readonly sums?: boolean;
  readonly since?: string;
}

async function receipts(options: ReceiptFlags): Promise<void> {
  if (options.sums === true) return await receiptSums(options);
  const { capability, caller, trace, limit } = options;
  const list = await withOwner(options, (owner) =>
    owner.receipts({
      limit,
      ...(capability === undefined ? {} : { capability }),
      ...(caller === undefined ? {} : { caller }),
      ...(trace === undefined ? {} : { trace }),
    }),
  );
  answer(options, list, () =>
    table([["time", "caller", "call", "outcome", "fuel", "memory", "ms", "receipt", "trace"], ...list.map(receiptRow)]),
  );
}

async function receiptSums(options: ReceiptFlags): Promise<void> {
  const { capability, caller, since } = options;
  const all = await withOwner(options, (owner) => owner.receiptSums(since === undefined ? {} : { sinceDay: since }));
  const list = all.filter(
    (sum) => (capability ?? sum.capability) === sum.capability && (caller ?? sum.caller) === sum.caller,
  );
  answer(options, list, () =>
    table([["day", "capability", "caller", "calls", "errors", "fuel", "written", "ms"], ...list.map(sumRow)]),
  );
}

function sumRow(sum: ReceiptSum): string[] {
  const { day, capability, caller, calls, errors, fuel, bytesWritten, runMs } = sum;
  return [day, capability, caller, `${calls}`, `${errors}`, `${fuel}`, formatSize(bytesWritten), runMs.toFixed(1)];
}

function receiptRow(receipt: Receipt): string[] {
  return [
    formatTime(receipt.atMs),
    receipt.caller,
    `${receipt.capability}.${receipt.method}`,
    receipt.code ?? receipt.outcome,
    String(receipt.fuel),
    formatSize(receipt.memorySizeBytes),
    receipt.runMs.toFixed(1),
    String(receipt.sequence),
    receipt.trace.id,
  ];
}
