// The stage's frames: which experiences are open, which one is seen, and what happens when one ends.

import { getState, setState, toast, errorText } from "./model.js";
import { goToPage } from "./navigation.js";
import { openFrame } from "./open-frame.js";
import { onBreak, onReconnect } from "./session.js";

/** @type {Map<string, import("./open-frame.js").OpenFrame>} */
const frames = new Map();
/** @type {Map<string, Promise<void>>} */
const opening = new Map();
/** @type {HTMLElement | undefined} */
let stage;
/** Experiences to open again after the connection came back. @type {string[]} */
let interrupted = [];
/** @type {HTMLElement | undefined} */
let lastFocused;
/** @type {Map<string, number>} */
const openedAtMs = new Map();

const SETTLE_MS = 400;
/** A frame whose door ends this soon would only be opened in a loop. */
const QUICK_END_MS = 5_000;

/** The element that all frames live in; it is never moved, since a moved frame reloads. @param {HTMLElement | null} element */
export function setStage(element) {
  stage = element ?? undefined;
}

/** Opens `name` unless it is open, and shows what the view says. @param {string} name */
export async function ensureOpen(name) {
  if (!frames.has(name)) {
    const running = opening.get(name) ?? start(name).finally(() => opening.delete(name));
    opening.set(name, running);
    await running;
  }
  showCurrent();
}

/** Closes the experience and forgets its state. @param {string} name */
export function closeExperience(name) {
  frames.get(name)?.dispose();
  forget(name);
}

/** Makes the frame of the present view visible and all others not. */
export function showCurrent() {
  const { view } = getState();
  for (const [name, frame] of frames) {
    frame.show(view.kind === "experience" && view.name === name);
  }
}

/** @param {string} name */
async function start(name) {
  const experience = getState().experiences.find((item) => item.name === name);
  if (!experience || !stage) return;
  const frame = await openFrame(experience, stage, {
    onLoaded: () => markLoaded(name),
    onEnded: (reason) => ended(experience, reason),
  });
  frames.set(name, frame);
  openedAtMs.set(name, Date.now());
  setState({ open: [...getState().open, name] });
}

/** @param {string} name */
function markLoaded(name) {
  setState({ loaded: [...getState().loaded, name] });
}

/** @param {string} name */
function forget(name) {
  frames.delete(name);
  const { open, loaded } = getState();
  setState({ open: open.filter((item) => item !== name), loaded: loaded.filter((item) => item !== name) });
}

/** @param {import("./model.js").ExperienceInfo} experience @param {"escaped" | "door"} reason */
function ended(experience, reason) {
  if (reason === "escaped") {
    leave(experience.name);
    forget(experience.name);
    toast(`${experience.title} was closed: it tried to leave its frame. Its access has ended; your data is unchanged.`);
  } else {
    // The owner's socket often breaks together with the door, and tells a moment later.
    const frame = frames.get(experience.name);
    setTimeout(() => frames.get(experience.name) === frame && reopen(experience), SETTLE_MS);
  }
}

/** @param {import("./model.js").ExperienceInfo} experience */
function reopen({ name, title }) {
  if (getState().connection === "reconnecting") {
    interrupted.push(name);
    return;
  }
  const quickEnd = Date.now() - (openedAtMs.get(name) ?? 0) < QUICK_END_MS;
  if (quickEnd) {
    leave(name);
    toast(`${title} was closed: its connection ended right after it opened. Open it again to retry.`);
  }
  // The stage opens what is in view anew.
  closeExperience(name);
}

/** Opens `name`; a failure is told and leaves its view. @param {string} name */
export async function openTelling(name) {
  try {
    await ensureOpen(name);
  } catch (error) {
    toast(`It could not be opened: ${errorText(error)}`);
    leave(name);
  }
}

/** Shows a page of the shell when the closed experience was in view. @param {string} name */
function leave(name) {
  const { view } = getState();
  if (view.kind === "experience" && view.name === name) goToPage("stores");
}

/** Browsers let the page below a dialog take the focus, and what is typed with it: it is out of view until the dialog is over. */
function keepFocusInDialog() {
  const dialog = lastFocused?.closest("dialog");
  const taker = [...frames.values()].find(({ element }) => element === document.activeElement);
  if (!dialog?.open || !taker) return;
  taker.show(false);
  dialog.addEventListener("close", showCurrent, { once: true });
  // From a frame of another process the window has to take it first.
  window.focus();
  lastFocused?.focus();
}

addEventListener("focusin", ({ target }) => {
  lastFocused = target instanceof HTMLElement ? target : undefined;
});
// After the change, during which it cannot be changed again.
addEventListener("blur", () => setTimeout(keepFocusInDialog));

onBreak(() => {
  interrupted = [...new Set([...interrupted, ...frames.keys()])];
});

onReconnect(() => {
  const names = interrupted;
  interrupted = [];
  for (const name of names) {
    closeExperience(name);
    // The one in view is opened by the stage.
    const { view } = getState();
    if (view.kind !== "experience" || view.name !== name) void openTelling(name);
  }
});
