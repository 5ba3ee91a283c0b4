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
    toast("Revoked. It no longer works from this moment.", { label: "Undo", run: () => void restoreGrant(grant) });
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
  for (const need of missingNeeds(experience, getState().grants)) {
    await getOwner().grant(`experience:${experience.name}`, need.capability, need.methods, need.reason);
  }
  setState({ grants: await getOwner().grants() });
}

/**
 * The needs of an experience that no grant covers, with only the methods that are missing.
 * @param {import("./model.js").ExperienceInfo} experience @param {readonly Grant[]} grants
 */
export function missingNeeds(experience, grants) {
  const held = new Set(
    grants
      .filter((grant) => grant.holder === `experience:${experience.name}`)
      .flatMap((grant) => grant.methods.map((method) => `${grant.capability}.${method}`)),
  );
  return experience.needs
    .map((need) => ({ ...need, methods: need.methods.filter((method) => !held.has(`${need.capability}.${method}`)) }))
    .filter((need) => need.methods.length > 0);
}

/** @param {File} file a capability package */
export async function installCapability(file) {
  await telling("Nothing was installed", async () => {
    const installed = await getOwner().installCapability(new Uint8Array(await file.arrayBuffer()));
    markStale("capabilities");
    toast(`${installed.title} ${installed.version} is installed.`);
  });
}

/** @param {string} name */
export async function removeCapability(name) {
  await telling("Nothing was removed", async () => {
    await getOwner().removeCapability(name);
    markStale("capabilities");
    toast("Removed. Its data stays for 30 days, in case you install it again.");
  });
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

/** Runs `act`; a failure is told with `kept`, which says what did not change. @param {string} kept @param {() => Promise<void>} act */
async function telling(kept, act) {
  try {
    await act();
  } catch (error) {
    toast(`${kept}: ${errorText(error)}`);
  }
}
