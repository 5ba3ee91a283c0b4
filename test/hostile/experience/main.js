// Runs the attacks when the test says so, and tells how each ended.

import { frameAttacks } from "./attacks/frames.js";
import { navigationAttacks } from "./attacks/navigation.js";
import { networkAttacks } from "./attacks/network.js";
import { realmAttacks } from "./attacks/realms.js";
import { resourceAttacks } from "./attacks/resources.js";
import { plant } from "./leak.js";
import { callGranted, twinAttacks } from "./attacks/twin.js";

/** An attack that has not ended by then neither succeeded nor was told off; the listener knows. */
const ATTACK_TIMEOUT_MS = 4_000;

const outward = { ...networkAttacks, ...resourceAttacks, ...frameAttacks, ...realmAttacks };

/** @param {Record<string, () => unknown>} attacks @returns {Promise<Record<string, string>>} name -> "done", "pending" or "refused: …" */
async function runAll(attacks) {
  const results = await Promise.all(
    Object.entries(attacks).map(async ([name, attack]) => [name, await outcome(attack)]),
  );
  return Object.fromEntries(results);
}

/** @param {() => unknown} attack */
async function outcome(attack) {
  const timeout = new Promise((resolve) => {
    setTimeout(() => resolve("pending"), ATTACK_TIMEOUT_MS);
  });
  const run = async () => {
    // Out of the test's hands: a page that DevTools evaluates in may do more than it may by itself.
    await new Promise((resolve) => {
      setTimeout(resolve);
    });
    try {
      await attack();
      return "done";
    } catch (error) {
      return `refused: ${error?.code ?? ""} ${error?.message ?? error}`;
    }
  };
  return Promise.race([run(), timeout]);
}

/** Takes the focus from now on, whenever it can. */
function takeFocus() {
  const field = /** @type {HTMLInputElement} */ (plant("input", {}));
  setInterval(() => field.focus(), 5);
}

globalThis.hostile = {
  callGranted,
  runOutward: () => runAll(outward),
  /** For a page of its own, which some of the attacks would navigate away. @param {string[]} names */
  runOutwardWithout: (names) =>
    runAll(Object.fromEntries(Object.entries(outward).filter(([name]) => !names.includes(name)))),
  runTwin: (/** @type {string} */ shell) => runAll(twinAttacks(shell)),
  ready: true,
  takeFocus,
  navigations: Object.keys(navigationAttacks),
  navigate: (/** @type {string} */ name) => void setTimeout(() => navigationAttacks[name]?.()),
};
