// What the owner can do from the shell, each with its words for success and failure.

import { errorText, getState, setState, toast } from "./model.js";
import { getOwner, markStale } from "./session.js";

/** @typedef {import("../../grants/grant.ts").Grant} Grant */

/** A fresh invite. Rejects with what to tell. @returns {Promise<import("../../rpc/api.ts").Invite>} */
export const createInvite = async () => getOwner().invite();

/** @param {string} code @returns {Promise<import("../../rpc/api.ts").Paired>} */
export async function acceptInvite(code) {
  const paired = await getOwner().accept(code);
  markStale("peers");
  return paired;
}

/** Messages that other twins refused; undefined when they cannot be asked for now. */
export async function loadParked() {
  try {
    return await getOwner().parked();
  } catch {
    return undefined;
  }
}

/** Reads every shard, repairs, and tells the outcome. One at a time. */
export async function runScrub() {
  if (getState().scrub) return;
  setState({ scrub: { done: 0, total: undefined } });
  try {
    const report = await getOwner().scrub((/** @type {number} */ done, /** @type {number | undefined} */ total) =>
      setState({ scrub: { done, total } }),
    );
    const found = report.shardsMissing + report.shardsCorrupt;
    toast(
      found === 0
        ? "Checked: every shard is as it was written."
        : `Checked: ${found} damaged or missing, ${report.shardsRepaired} rebuilt.`,
    );
  } catch (error) {
    toast(`The check stopped: ${errorText(error)}`);
  } finally {
    setState({ scrub: undefined });
    markStale("vault");
  }
}

/** Takes a grant away at once, and offers to give it back. @param {Grant} grant */
export async function revokeGrant(grant) {
  await telling("The grant still stands", async () => {
    await getOwner().revoke(grant.id);
    markStale("grants");
    const undo = { label: "Undo", run: () => void restoreGrant(grant) };
    toast("Revoked. It no longer works from this moment.", { action: undo, about: `grant ${grant.id}` });
  });
}

/** @param {Grant} grant */
async function restoreGrant(grant) {
  await telling("The grant was not restored", async () => {
    await getOwner().grant(grant.holder, grant.capability, grant.methods, grant.reason);
    markStale("grants");
    toast("Granted again.");
  });
}

/** Gives an experience what its manifest asks for and it does not hold yet. @param {import("./model.js").ExperienceInfo} experience */
export async function grantNeeds(experience) {
  for (const need of missingNeeds(experience, getState())) {
    await getOwner().grant(`experience:${experience.name}`, need.capability, need.methods, need.reason);
  }
  setState({ grants: await getOwner().grants() });
}

/**
 * The needs of an experience that no grant covers, with only the methods that are missing.
 * @param {import("./model.js").ExperienceInfo} experience
 * @param {Pick<ReturnType<typeof getState>, "grants" | "capabilities">} twin
 */
export function missingNeeds(experience, { grants, capabilities }) {
  const held = new Set(
    grants
      .filter((grant) => grant.holder === `experience:${experience.name}`)
      .flatMap((grant) => grant.methods.map((method) => `${grant.capability}.${method}`)),
  );
  return experience.needs
    .map((need) => {
      const name = nameHere(need.capability, capabilities);
      return { ...need, methods: need.methods.filter((method) => !held.has(`${name}.${method}`)) };
    })
    .filter((need) => need.methods.length > 0);
}

/**
 * What the capability is called by here: `chat@2` may be the only `chat`.
 * @param {string} address @param {ReturnType<typeof getState>["capabilities"]} capabilities
 */
function nameHere(address, capabilities) {
  if (capabilities.some(({ name }) => name === address)) return address;
  const [plain, major] = address.split("@");
  const found = capabilities.find(({ name, version }) => name === plain && version.startsWith(`${major}.`));
  return found?.name ?? address;
}

/** Tries a package on a copy of the data, and shows what it would change. @param {File} file */
export async function lookAtPackage(file) {
  const fileName = file.name;
  setState({ offer: { state: "trying", fileName } });
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const report = await getOwner().upgradeCapability(bytes, { dryRun: true });
    if (getState().offer?.state === "trying") setState({ offer: { state: "tried", bytes, report } });
  } catch (error) {
    if (getState().offer) setState({ offer: { state: "refused", fileName, problem: errorText(error) } });
  }
}

/**
 * Takes the package that is shown; with `withhold` without its new rights. Rejects with what to tell.
 * @param {import("./model.js").TriedPackage} offer @param {{ withhold: boolean }} how
 */
export async function takePackage({ bytes, report }, { withhold }) {
  // The owner has read all of it: what is broken, and what is asked for.
  const accept = withhold ? ["breaks"] : ["breaks", "permissions"];
  await getOwner().upgradeCapability(bytes, { accept, withhold });
  setState({ offer: undefined });
  markStale("capabilities");
  const { name, title, fromVersion, toVersion } = report;
  const back = { label: "Roll back", run: () => void rollBackCapability(name, title) };
  if (fromVersion === undefined) toast(`${title} ${toVersion} is installed.`, { about: `capability ${name}` });
  else toast(`${title} is ${toVersion} now.`, { action: back, about: `capability ${name}` });
}

/**
 * Code and data of a version that was left, the last one unless named. What others use of the version
 * that is left now keeps it, unless the owner accepts that.
 * @param {string} name @param {string} title @param {{ version?: string, accept?: ("breaks")[] }} [how]
 */
export async function rollBackCapability(name, title, how = {}) {
  try {
    const { version } = await getOwner().rollBackCapability(name, how);
    markStale("capabilities");
    const undo = { label: "Undo", run: () => void rollBackCapability(name, title) };
    toast(`${title} is ${version} again, with its data of then.`, { action: undo, about: `capability ${name}` });
  } catch (error) {
    const anyway = {
      label: "Roll back anyway",
      run: () => void rollBackCapability(name, title, { ...how, accept: ["breaks"] }),
    };
    const isNeeded = /** @type {{ code?: unknown }} */ (error).code === "TWIN_PACKAGE_NEEDED";
    const choice = isNeeded ? { action: anyway, about: `capability ${name}` } : { about: `capability ${name}` };
    toast(`${title} was not rolled back: ${errorText(error)}`, choice);
  }
}

/** @param {string} name @param {string} title */
export async function removeCapability(name, title) {
  await telling("Nothing was removed", async () => {
    await getOwner().removeCapability(name);
    markStale("capabilities");
    const undo = { label: "Undo", run: () => void restoreCapability(name, title) };
    toast(`${title} is removed.`, { action: undo, about: `capability ${name}` });
  });
}

/** With its data and grants. @param {string} name @param {string} title */
export async function restoreCapability(name, title) {
  await telling(`${title} did not come back`, async () => {
    await getOwner().restoreCapability(name);
    markStale("capabilities");
    toast(`${title} is back, with its data and grants.`, { about: `capability ${name}` });
  });
}

/** What was removed and can come back; none when it cannot be asked for now. @returns {Promise<import("../../packages/manifest.ts").RemovedCapability[]>} */
export async function loadRemoved() {
  try {
    return await getOwner().removedCapabilities();
  } catch {
    return [];
  }
}

/** @param {string} name */
export async function removeExperience(name) {
  await telling("Nothing was removed", async () => {
    await getOwner().removeExperience(name);
    markStale("experiences");
    toast("Removed. The data that it showed belongs to your capabilities and stays.");
  });
}

/** Browsers that are logged in; undefined when they cannot be asked for now. */
export async function loadBrowsers() {
  try {
    return await getOwner().browsers();
  } catch {
    return undefined;
  }
}

/** @param {string} id */
export async function forgetBrowser(id) {
  await telling("It is still logged in", async () => {
    await getOwner().forgetBrowser(id);
    toast("Logged out.");
  });
}

/** Receipts older than those in the page. Returns whether there may be more. */
export async function loadOlderReceipts() {
  const { receipts } = getState();
  const last = receipts.at(-1);
  if (!last) return false;
  const older = await getOwner().receipts({ beforeSequence: last.sequence, limit: 200 });
  setState({ receipts: [...getState().receipts, ...older] });
  return older.length === 200;
}

/** Sums of what calls have cost, down to that day; undefined when they cannot be asked for now. @param {string} sinceDay */
export async function loadCosts(sinceDay) {
  try {
    return await getOwner().receiptSums(sinceDay === "" ? {} : { sinceDay });
  } catch {
    return undefined;
  }
}

/** Runs `act`; a failure is told with `kept`, which says what did not change. @param {string} kept @param {() => Promise<void>} act */
async function telling(kept, act) {
  try {
    await act();
  } catch (error) {
    toast(`${kept}: ${errorText(error)}`);
  }
}
