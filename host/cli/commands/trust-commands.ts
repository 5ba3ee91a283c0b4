// `reviewers` and `publishers`: whom the owner relies on for packages, and of whom nothing is installed.

import type { Command } from "commander";

import type { OwnerApi } from "../../index.ts";
import { answer, table } from "../output.ts";
import { type SessionOptions, withOwner } from "../owner-session.ts";
import { wholeNumber } from "../whole-number.ts";

type Policy = Awaited<ReturnType<OwnerApi["packagePolicy"]>>;

/** A publisher of something that is here, or one that is refused. */
interface KnownPublisher {
  readonly publisher: string;
  readonly refused: boolean;
  /** `NAME VERSION` of what is installed of theirs. */
  readonly installed: readonly string[];
  /** The same of what this twin offers to others. */
  readonly offered: readonly string[];
}

/** Adds the commands to `program`. */
export function addTrustCommands(program: Command): void {
  const reviewers = program.command("reviewers").description("whose reviews a package needs before it is installed");
  reviewers
    .command("list")
    .description("who they are, and how many of them are required")
    .action((_, command: Command) => changeReviewers(command.optsWithGlobals(), (policy) => policy));
  reviewers
    .command("add <key>")
    .description("rely on a reviewer: the did:key that `twin capability review` prints")
    .action((key: string, _: unknown, command: Command) =>
      changeReviewers(command.optsWithGlobals(), (policy) => {
        return { ...policy, reviewers: [...without(policy.reviewers, key), key] };
      }),
    );
  reviewers
    .command("remove <key>")
    .description("no longer rely on a reviewer")
    .action((key: string, _: unknown, command: Command) =>
      changeReviewers(command.optsWithGlobals(), (policy) => {
        return { ...policy, reviewers: without(policy.reviewers, key) };
      }),
    );
  reviewers
    .command("require")
    .argument("<count>", "how many", wholeNumber)
    .description("how many of them must have signed; 0: the publisher's signature alone will do")
    .action((required: number, _: unknown, command: Command) =>
      changeReviewers(command.optsWithGlobals(), (policy) => ({ ...policy, required })),
    );
  addPublisherCommands(program);
}

function addPublisherCommands(program: Command): void {
  const publishers = program.command("publishers").description("who signed what is installed, and whom you refuse");
  publishers
    .command("list")
    .description("the publishers of what is installed, and those that you refuse")
    .action((_, command: Command) => listPublishers(command.optsWithGlobals()));
  publishers
    .command("refuse <key>")
    .description("install and upgrade nothing of this publisher any more; what is installed stays, and is named")
    .addHelpText("after", "\nExample:\n  twin publishers refuse did:key:z6Mk...   # their key was stolen\n")
    .action((key: string, _: unknown, command: Command) => refuse(key, command.optsWithGlobals()));
  publishers
    .command("allow <key>")
    .description("take packages of this publisher again")
    .action((key: string, _: unknown, command: Command) => allow(key, command.optsWithGlobals()));
}

async function changeReviewers(options: SessionOptions, change: (policy: Policy) => Policy): Promise<void> {
  const { required, reviewers } = await withOwner(options, (owner) => changePolicy(owner, change));
  answer(options, { reviewers, required }, () => [
    required === 0 ? "The publisher's signature alone will do." : `${required} of these must have signed a package:`,
    ...reviewers,
  ]);
}

async function listPublishers(options: SessionOptions): Promise<void> {
  const known = await withOwner(options, knownPublishers);
  answer(options, known, () =>
    table(
      known.map(({ publisher, refused, installed }) => [
        publisher,
        refused ? "refused" : "",
        installed.join(", ") || "nothing installed",
      ]),
    ),
  );
}

async function refuse(key: string, options: SessionOptions): Promise<void> {
  const known = await withOwner(options, async (owner) => {
    await changePolicy(owner, (policy) => ({ ...policy, refused: [...without(policy.refused, key), key] }));
    return (await knownPublishers(owner)).find(({ publisher }) => publisher === key);
  });
  const { installed = [], offered = [] } = known ?? {};
  answer(options, { publisher: key, refused: true, installed, offered }, () => [
    "Nothing of this publisher is installed or upgraded any more.",
    ...installed.map((what) => `  ${what} stays and goes on. To end it: twin capability remove ${nameOf(what)}`),
    ...offered.map((what) => `  ${what} is offered by you. To end that: twin capability unpublish ${nameOf(what)}`),
  ]);
}

async function allow(key: string, options: SessionOptions): Promise<void> {
  await withOwner(options, (owner) =>
    changePolicy(owner, (policy) => ({ ...policy, refused: without(policy.refused, key) })),
  );
  answer(options, { publisher: key, refused: false }, () => "Packages of this publisher can be installed.");
}

async function changePolicy(owner: OwnerApi, change: (policy: Policy) => Policy): Promise<Policy> {
  const before = await owner.packagePolicy();
  const after = change(before);
  if (after !== before) await owner.setPackagePolicy(after);
  return after;
}

async function knownPublishers(owner: OwnerApi): Promise<KnownPublisher[]> {
  const [{ refused }, installed, offered] = await Promise.all([
    owner.packagePolicy(),
    owner.capabilities(),
    owner.offers(),
  ]);
  const keys = new Set([...installed.map(({ publisher }) => publisher), ...refused]);
  return [...keys].map((publisher) => ({
    publisher,
    refused: refused.includes(publisher),
    installed: signedBy(publisher, installed),
    offered: signedBy(publisher, offered),
  }));
}

type Signed = Readonly<Record<"name" | "version" | "publisher", string>>;

function signedBy(key: string, items: readonly Signed[]): string[] {
  return items.filter(({ publisher }) => publisher === key).map(({ name, version }) => `${name} ${version}`);
}

function without(keys: readonly string[], key: string): string[] {
  return keys.filter((other) => other !== key);
}

function nameOf(what: string): string {
  return what.slice(0, what.indexOf(" "));
}
