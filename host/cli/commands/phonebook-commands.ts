// `phonebook`: how strangers find your twin by a name, and how yours finds them.

import { writeFile } from "node:fs/promises";

import type { Command } from "commander";

import { TwinError } from "../../base/errors.ts";
import type { AnnouncementRequest } from "../../index.ts";
import { answer, formatTime, table, withProgress } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";

interface PublishOptions extends SessionOptions {
  readonly relay: string;
  readonly termsLink?: string | undefined;
  readonly termsHash?: string | undefined;
  readonly yes?: boolean | undefined;
}

/** Adds the commands to `program`. */
export function addPhonebookCommands(program: Command): void {
  const phonebook = program
    .command("phonebook")
    .description("find twins that you never met, and be found: through TFChain and a name of yours");
  phonebook
    .command("status")
    .description("which chain is asked, your account there, and where your record is served")
    .action((_, command: Command) => status(command.optsWithGlobals()));
  phonebook
    .command("find <twin>")
    .description("where a twin is: from your contacts, else from the chain")
    .action((twin: string, _: unknown, command: Command) => find(twin, command.optsWithGlobals()));
  phonebook
    .command("publish")
    .description("have strangers find your twin; without --yes it only tells what that costs")
    .requiredOption("--relay <name>", "the DNS name at which your record is served over HTTPS")
    .option("--terms-link <link>", "the chain's terms that you have read and accept (once per account)")
    .option("--terms-hash <hash>", "their hash")
    .option("--yes", "sign and pay")
    .addHelpText(
      "after",
      "\nExample:\n  twin start --tfchain wss://tfchain.grid.tf\n  twin phonebook publish --relay twin.example.org        # what it costs\n  twin phonebook publish --relay twin.example.org --yes\n\nThe name's web server passes /.well-known/twin-record/ on to this host: docs/guides/operate.md\n",
    )
    .action((_, command: Command) => publish(command.optsWithGlobals()));
  phonebook
    .command("withdraw")
    .description("take the name off the chain; without --yes it only tells what that costs")
    .option("--yes", "sign and pay")
    .action((_, command: Command) => withdraw(command.optsWithGlobals()));
  phonebook
    .command("record")
    .description("write your signed record to a file, for any web server to serve")
    .requiredOption("--out <file>", "where to")
    .action((_, command: Command) => record(command.optsWithGlobals()));
}

async function status(options: SessionOptions): Promise<void> {
  const found = await withOwner(options, (owner) => owner.phonebook());
  const { tfchain, account, relay, path } = found;
  answer(options, found, () =>
    table([
      ["chain", tfchain ?? "none is asked: twin start --tfchain wss://NODE"],
      ["account", account],
      ["record", relay === undefined ? "served to nobody: twin phonebook publish" : `https://${relay}${path}`],
    ]),
  );
}

async function find(twin: string, options: SessionOptions): Promise<void> {
  const found = await withOwner(options, (owner) => owner.findTwin(twin));
  if (found === null)
    throw new TwinError("TWIN_PEER_UNKNOWN", "Neither your contacts nor the chain know where this twin lives.");
  const { name, addresses, source, issuedAtMs } = found;
  answer(options, found, () => [
    `${name ?? twin} (from ${source === "contacts" ? "your contacts" : "TFChain"}, signed ${formatTime(issuedAtMs)})`,
    ...addresses.map((address) => `  ${address}`),
  ]);
}

async function publish(options: PublishOptions): Promise<void> {
  const { relay, termsLink, termsHash } = options;
  if ((termsLink === undefined) !== (termsHash === undefined))
    throw new TwinError("TWIN_INPUT_INVALID", "--terms-link and --terms-hash belong together.");
  const terms = termsLink === undefined ? undefined : { link: termsLink, hash: termsHash! };
  await announce(options, { relay, ...(terms && { terms }) }, `${relay} is on the chain: strangers find your twin.`);
}

async function withdraw(options: SessionOptions & { readonly yes?: boolean | undefined }): Promise<void> {
  await announce(options, { relay: null }, "The chain names no place of your twin any more.");
}

async function announce(
  options: SessionOptions & { readonly yes?: boolean | undefined },
  request: AnnouncementRequest,
  done: string,
): Promise<void> {
  const cost = await withOwner(options, async (owner) => {
    const plan = await owner.planAnnouncement(request);
    if (options.yes !== true) return plan;
    await withProgress("Waiting for the chain", (onProgress) => owner.announce(request, onProgress));
    return plan;
  });
  const { chain, account, balance, fee, steps } = cost;
  answer(options, { ...cost, done: options.yes === true }, () =>
    options.yes === true
      ? done
      : [
          ...table([
            ["chain", chain],
            ["account", `${account} (${balance} TFT)`],
            ...steps.map((step) => ["signs", `${step.call} (${step.fee} TFT)`]),
            ["costs", `${fee} TFT`],
          ]),
          "Nothing was signed. Run it again with --yes to do it.",
        ],
  );
}

async function record(options: SessionOptions & { readonly out: string }): Promise<void> {
  const [signed, { path }] = await withOwner(options, (owner) => Promise.all([owner.ownRecord(), owner.phonebook()]));
  await writeFile(options.out, signed);
  answer(options, { file: options.out, path, sizeBytes: signed.length }, () => [
    `${options.out} has your record, which says where your twin is now. Serve it as ${path}`,
    "and write it anew when your addresses change, and every two weeks.",
  ]);
}
