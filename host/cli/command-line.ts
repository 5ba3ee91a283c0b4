// The `twin` command line: its commands, and how one of them is run.

import { Command, CommanderError } from "commander";

import { readVersion } from "../installation.ts";
import { addCallCommands } from "./commands/call-commands.ts";
import { addCapabilityCommands } from "./commands/capability-commands.ts";
import { addClientCommand } from "./commands/client-command.ts";
import { addExperienceCommands } from "./commands/experience-commands.ts";
import { addHostCommands } from "./commands/host-commands.ts";
import { addObjectCommands } from "./commands/object-commands.ts";
import { addPeopleCommands } from "./commands/people-commands.ts";
import { addPhonebookCommands } from "./commands/phonebook-commands.ts";
import { addReplayCommands } from "./commands/replay-commands.ts";
import { addRestoreCommands } from "./commands/restore-commands.ts";
import { addStoreCommands } from "./commands/store-commands.ts";
import { addTrustCommands } from "./commands/trust-commands.ts";
import { addVaultCommands } from "./commands/vault-commands.ts";
import { fail } from "./output.ts";

const EXAMPLES = `
Examples:
  twin start                                   run your twin; prints a link for your browser
  twin call echo echo '{"text":"hello"}'       call a capability
  twin invite                                  make a code that a friend accepts
  twin put photo.jpg --json                    keep a file alive; prints {"id": ...}
  twin get ID --out photo.jpg                  read it back
  twin status                                  what is stored, who is online, what it would survive

In a clone of the repository: npm run -s twin -- status`;

/** Runs the command that the process was started with, and sets the process's exit code. Never rejects. */
export async function runCommand(): Promise<void> {
  try {
    await createProgram().parseAsync();
  } catch (thrown) {
    if (thrown instanceof CommanderError) process.exitCode = thrown.exitCode;
    else fail(thrown, process.argv.includes("--json"));
  }
}

function createProgram(): Command {
  const program = new Command("twin")
    .description("Your digital twin: a private server for your digital life.")
    .version(readVersion())
    .option("--data <dir>", "data folder (default: TWIN_DATA, else the XDG data directory)")
    .option("--as <name>", "another twin of the host, made with `twin init NAME`")
    .option("--json", "print JSON")
    .addHelpText("after", EXAMPLES)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  addHostCommands(program);
  addCallCommands(program);
  addReplayCommands(program);
  addPeopleCommands(program);
  addPhonebookCommands(program);
  addObjectCommands(program);
  addStoreCommands(program);
  addRestoreCommands(program);
  addVaultCommands(program);
  addCapabilityCommands(program);
  addExperienceCommands(program);
  addTrustCommands(program);
  addClientCommand(program);
  // Options may stand before or behind the command: `twin status --json` and `twin --json status`.
  for (const command of allCommands(program)) command.exitOverride().showHelpAfterError("Add --help for examples.");
  return program;
}

function allCommands(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)]);
}
