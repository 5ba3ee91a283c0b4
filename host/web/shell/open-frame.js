// One open experience: its wrapper in a closed shadow root, its door, and the two pipes between them
// (docs/formats/web.md, sections 4 and 5). Nothing here trusts the frame; disposing is explicit.

import { FrameAsks } from "./frame-asks.js";
import { getKey, getOwner } from "./session.js";
import { openProvenSocket } from "./socket.js";

/** A frame that writes faster than the host reads is cut off here, before it fills the page's memory. */
const DOOR_BUFFER_SIZE_MAX = 16 * 1024 * 1024;

/** What experiences asked to keep until they are opened again, by name. @type {Map<string, string>} */
const kept = new Map();

/**
 * @typedef {object} OpenFrame
 * @property {HTMLElement} element stands in the page as long as the frame lives
 * @property {(shown: boolean) => void} show tells the frame and makes it visible or not; it starts as neither
 * @property {() => void} dispose closes door, pipes and frame; after `onEnded("door")` the owner of the frame calls it
 */

/**
 * Opens an experience below `parent`.
 * @param {import("./model.js").ExperienceInfo} experience
 * @param {HTMLElement} parent
 * @param {{ onLoaded: () => void, onEnded: (reason: "escaped" | "door") => void }} events
 * @returns {Promise<OpenFrame>}
 */
export async function openFrame(experience, parent, events) {
  const owner = getOwner();
  const opened = await owner.openExperience(experience.name);
  const closeOpened = () => void owner.closeExperience(opened.token).catch(() => undefined);
  try {
    const door = await openProvenSocket(getKey(), opened.doorPath);
    return buildFrame({ experience, parent, events, door, wrapperPath: opened.wrapperPath, closeOpened });
  } catch (error) {
    closeOpened();
    throw error;
  }
}

/**
 * @param {object} parts
 * @param {import("./model.js").ExperienceInfo} parts.experience
 * @param {HTMLElement} parts.parent
 * @param {{ onLoaded: () => void, onEnded: (reason: "escaped" | "door") => void }} parts.events
 * @param {WebSocket} parts.door
 * @param {string} parts.wrapperPath
 * @param {() => void} parts.closeOpened
 * @returns {OpenFrame}
 */
function buildFrame({ experience, parent, events, door, wrapperPath, closeOpened }) {
  const pipe = new MessageChannel();
  const control = new MessageChannel();
  const asks = new FrameAsks(experience, {
    answer: (message) => pipe.port1.postMessage(message),
    keep: (text) => kept.set(experience.name, text),
  });
  const { element, wrapper } = buildElements(experience.title, wrapperPath);
  let disposed = false;
  let ended = false;
  /** @type {boolean | undefined} */
  let isShown;

  const dispose = () => {
    if (disposed) return;
    disposed = true;
    asks.dispose();
    door.close();
    pipe.port1.close();
    control.port1.close();
    element.remove();
    closeOpened();
  };
  const end = (/** @type {"escaped" | "door"} */ reason) => {
    if (disposed || ended) return;
    ended = true;
    if (reason === "escaped") dispose();
    else Object.assign(element.style, { opacity: "0.55", pointerEvents: "none" });
    events.onEnded(reason);
  };

  pipe.port1.onmessage = ({ data }) => {
    if (typeof data !== "object" || data === null) return;
    if (typeof data.rpc !== "string") return asks.take(data);
    if (door.readyState === WebSocket.OPEN) door.send(data.rpc);
    if (door.bufferedAmount > DOOR_BUFFER_SIZE_MAX) end("door");
  };
  control.port1.onmessage = ({ data }) => {
    if (data?.event === "loaded") events.onLoaded();
    else end("escaped");
  };
  door.addEventListener("message", (event) => pipe.port1.postMessage({ rpc: event.data }));
  door.addEventListener("close", (event) => {
    pipe.port1.postMessage({
      closed: { code: "TWIN_ABORTED", message: event.reason || "The connection has ended.", details: {} },
    });
    end("door");
  });
  wrapper.addEventListener(
    "load",
    () => wrapper.contentWindow?.postMessage({ type: "twin-port" }, location.origin, [pipe.port2, control.port2]),
    { once: true },
  );
  pipe.port1.postMessage({ kept: kept.get(experience.name) ?? null });
  parent.append(element);
  return {
    element,
    show: (shown) => {
      if (shown === isShown) return;
      isShown = shown;
      // Nothing less keeps a page from taking the focus, and with it what is typed elsewhere.
      element.style.display = shown ? "" : "none";
      pipe.port1.postMessage({ shown });
      // Not from where one types already.
      if (shown && document.activeElement !== element) wrapper.focus();
    },
    dispose,
  };
}

/** The wrapper stands unnamed in a closed shadow root: no other frame can find it. @param {string} title @param {string} path */
function buildElements(title, path) {
  const element = document.createElement("div");
  const wrapper = document.createElement("iframe");
  wrapper.title = title;
  wrapper.src = path;
  Object.assign(wrapper.style, { width: "100%", height: "100%", border: "0", display: "block" });
  element.attachShadow({ mode: "closed", delegatesFocus: true }).append(wrapper);
  return { element, wrapper };
}
