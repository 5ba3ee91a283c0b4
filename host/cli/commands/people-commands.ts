// `invite` and `accept`: pair with another twin.

import type { Command } from "commander";

import { answer, formatTime } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";

/** Adds the commands to `program`. */
export function addPeopleCommands(program: Command): void {
  program
    .command("invite")
    .description("make a one-time code that pairs another twin with yours")
    .addHelpText(
      "after",
      "\nExample:\n  twin invite          # send the code to a friend, who runs: twin accept CODE\n",
    )
    .action((_, command: Command) => invite(command.optsWithGlobals()));
  program
    .command("accept <code>")
    .description("pair with the twin that made this code")
    .action((code: string, _: unknown, command: Command) => accept(code, command.optsWithGlobals()));
}

async function invite(options: SessionOptions): Promise<void> {
  const [made, { peerAddresses }] = await withOwner(
    options,
    async (owner) => [await owner.invite(), await owner.status()] as const,
    { peers: true },
  );
  answer(options, made, () => [
    made.code,
    `Valid until ${formatTime(made.expiresAtMs)}, once. Your host must be running when it is accepted.`,
    ...(peerAddresses.every(isOfThisMachine)
      ? ["Only twins on this machine reach yours; for all others start it with --peer-host 0.0.0.0 --peer-port 4841."]
      : []),
  ]);
}

/** Whether nobody else reaches that libp2p address. */
function isOfThisMachine(address: string): boolean {
  return /^\/(?:ip4\/127\.|ip6\/::1\/)/u.test(address);
}

async function accept(code: string, options: SessionOptions): Promise<void> {
  const paired = await withOwner(options, (owner) => owner.accept(code), { peers: true });
  answer(options, paired, () => `You and ${paired.name} are now contacts (${paired.twin}).`);
}
