// `record` and `replay`: keep what calls saw, and run one again.

import type { Command } from "commander";

import type { RecordingSettings, ReplayReport } from "../../index.ts";
import { answer, table } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";
import { wholeNumber } from "../whole-number.ts";

/** Adds the commands to `program`. */
export function addReplayCommands(program: Command): void {
  program
    .command("record [capability]")
    .argument("[count]", "how many calls", wholeNumber, 20)
    .description("keep what the last calls of a capability saw, so that they can be replayed; 0 forgets")
    .addHelpText(
      "after",
      "\nExamples:\n  twin record chat 20\n  twin record chat 0\n  twin record       what is recorded\n",
    )
    .action((...[capability, count, , command]: [string | undefined, number, unknown, Command]) =>
      record(capability, count, command.optsWithGlobals()),
    );
  program
    .command("replay")
    .argument("<receipt>", "its number, as twin receipts shows it", wholeNumber)
    .description("run a recorded call again in a throw-away guest, and compare result and fuel bit for bit")
    .addHelpText("after", "\nExample:\n  twin receipts --capability chat --limit 5\n  twin replay 1234\n")
    .action((...[receipt, , command]: [number, unknown, Command]) => replay(receipt, command.optsWithGlobals()));
}

async function record(capability: string | undefined, count: number, options: SessionOptions): Promise<void> {
  const recordings = await withOwner(options, async (owner) => {
    if (capability !== undefined) await owner.recordCalls(capability, count);
    return await owner.recordings();
  });
  answer(options, recordings, () =>
    recordings.length === 0
      ? "No calls are recorded."
      : table([["capability", "keeps", "receipts"], ...recordings.map(settingsRow)]),
  );
}

function settingsRow({ capability, count, kept }: RecordingSettings): string[] {
  return [capability, String(count), kept.length === 0 ? "none yet" : kept.join(" ")];
}

async function replay(receipt: number, options: SessionOptions): Promise<void> {
  const report = await withOwner(options, (owner) => owner.replay(receipt));
  answer(options, report, () => describeReport(report));
}

function describeReport({ capability, method, isSame, difference, recorded, replayed }: ReplayReport): string[] {
  const verdict = isSame ? "the same, bit for bit" : `different: ${difference}`;
  const rows = [recorded, replayed].map(({ outcome, code, fuel, memorySizeBytes, answerHash }, index) => {
    const what = index === 0 ? "recorded" : "replayed";
    return [what, code ?? outcome, String(fuel), String(memorySizeBytes), answerHash?.slice(0, 16) ?? "-"];
  });
  return [`${capability}.${method}: ${verdict}`, ...table([["", "outcome", "fuel", "memory", "answer"], ...rows])];
}
