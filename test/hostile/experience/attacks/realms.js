// Workers and worklets, peer connections, storage, devices.

import { leakStun, leakTls, leakUrl, plant, scriptBlob } from "../leak.js";

/** A peer connection that asks the listener for its address. @param {any} realm */
async function gather(realm) {
  const connection = new realm.RTCPeerConnection({ iceServers: [{ urls: leakStun }] });
  connection.createDataChannel("leak");
  await connection.setLocalDescription(await connection.createOffer());
}

/** Runs code in a classic blob worker and waits for what it says. @param {string} code */
function inWorker(code) {
  const worker = new Worker(scriptBlob(code));
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data === "sent" ? resolve(data) : reject(new Error(data)));
    worker.onerror = () => reject(new Error("the worker did not run"));
  });
}

/** @param {string} act */
const reporting = (act) =>
  `(async () => { ${act} })().then(() => postMessage("sent"), (error) => postMessage(String(error)))`;

/** @type {Record<string, () => unknown>} */
export const realmAttacks = {
  "worker-foreign": () => new Worker(leakUrl("worker-foreign")),
  "worker-module": () => new Worker(scriptBlob(`import "${leakUrl("worker-module")}"`), { type: "module" }),
  "worker-fetch": () => inWorker(reporting(`await fetch("${leakUrl("worker-fetch")}", { mode: "no-cors" })`)),
  "worker-websocket": () =>
    inWorker(
      reporting(
        `await new Promise((ok, no) => { const s = new WebSocket("${leakUrl("worker-websocket").replace("http", "ws")}"); s.onopen = ok; s.onerror = no; })`,
      ),
    ),
  "worker-import-scripts": () => inWorker(reporting(`importScripts("${leakUrl("worker-import-scripts")}")`)),
  "worker-import": () => inWorker(reporting(`await import("${leakUrl("worker-import")}")`)),
  "worker-nested": () => inWorker(reporting(`new Worker("${leakUrl("worker-nested")}")`)),
  "worker-data": () => new Worker(`data:text/javascript,fetch("${leakUrl("worker-data")}")`),
  "shared-worker": () => new SharedWorker(leakUrl("shared-worker")),
  "shared-worker-blob": () => new SharedWorker(scriptBlob(`fetch("${leakUrl("shared-worker-blob")}")`)),
  "service-worker": () => navigator.serviceWorker.register("/main.js"),
  "audio-worklet": () => new AudioContext().audioWorklet.addModule(leakUrl("audio-worklet")),
  "paint-worklet": () => CSS.paintWorklet.addModule(leakUrl("paint-worklet")),
  rtc: () => gather(globalThis),
  "rtc-webkit": () => gather({ RTCPeerConnection: globalThis.webkitRTCPeerConnection }),
  "rtc-blank-frame": () => gather(/** @type {HTMLIFrameElement} */ (plant("iframe", {})).contentWindow),
  "rtc-srcdoc-frame": () =>
    plant("iframe", {
      srcdoc: `<script>const c = new RTCPeerConnection({ iceServers: [{ urls: "${leakStun}" }] }); c.createDataChannel("x"); c.createOffer().then((o) => c.setLocalDescription(o))</script>`,
    }),
  "rtc-worker": () => inWorker(reporting(`new RTCPeerConnection({ iceServers: [{ urls: "${leakStun}" }] })`)),
  cookie: () => {
    document.cookie = "leak=1";
    if (!document.cookie.includes("leak")) throw new Error("not kept");
  },
  "local-storage": () => localStorage.setItem("leak", "1"),
  "session-storage": () => sessionStorage.setItem("leak", "1"),
  "indexed-db": () =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open("leak");
      request.onsuccess = resolve;
      request.onerror = () => reject(request.error);
    }),
  caches: () => caches.open("leak"),
  opfs: () => navigator.storage.getDirectory(),
  broadcast: () => new BroadcastChannel("leak").postMessage("broadcast"),
  locks: () => navigator.locks.request("leak", () => "held"),
  share: () => navigator.share({ url: leakUrl("share") }),
  notification: async () => {
    if ((await Notification.requestPermission()) !== "granted") throw new Error("denied");
  },
  payment: () =>
    new PaymentRequest([{ supportedMethods: leakTls("payment") }], {
      total: { label: "x", amount: { currency: "EUR", value: "1" } },
    }).show(),
  fedcm: () =>
    navigator.credentials.get(
      /** @type {any} */ ({ identity: { providers: [{ configURL: leakTls("fedcm"), clientId: "x" }] } }),
    ),
  "protocol-handler": () => navigator.registerProtocolHandler("web+leak", `${location.origin}/%s`),
  clipboard: () => navigator.clipboard.readText(),
  geolocation: () => new Promise((resolve, reject) => navigator.geolocation.getCurrentPosition(resolve, reject)),
  camera: () => navigator.mediaDevices.getUserMedia({ video: true }),
  usb: () => /** @type {any} */ (navigator).usb.requestDevice({ filters: [] }),
};
