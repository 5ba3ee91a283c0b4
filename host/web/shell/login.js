// Login by a one-time link: the token is read from the fragment, exchanged for the registration of this
// browser's key, and removed from the address bar and the history (docs/formats/web.md, section 3).

import { makeOwnerKey, publicKeyText, saveOwnerKey } from "./owner-key.js";

/** The token of the link, if the page was opened with one. */
export function loginToken() {
  return new URLSearchParams(location.hash.slice(1)).get("login") ?? undefined;
}

/** Registers this browser. Rejects with what to tell the owner. @param {string} token */
export async function logIn(token) {
  const key = await makeOwnerKey();
  const response = await fetch("/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      token,
      algorithm: key.algorithm,
      publicKey: await publicKeyText(key),
      label: browserLabel(navigator.userAgent),
    }),
  });
  // From here on the link is spent or worthless, whatever the answer was.
  history.replaceState(undefined, "", location.pathname);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message ?? `The host answered ${response.status}.`);
  const registered = { ...key, id: String(answer.key) };
  await saveOwnerKey(registered);
  return registered;
}

/** "Firefox on Linux": lets the owner tell registered browsers apart. @param {string} userAgent */
export function browserLabel(userAgent) {
  const browser = /Edg\/|OPR\/|Firefox\/|Chrome\/|Safari\//.exec(userAgent)?.[0];
  const system = /Android|iPhone|iPad|Windows|Mac OS X|CrOS|Linux/.exec(userAgent)?.[0];
  /** @type {Record<string, string>} */
  const names = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
    "Mac OS X": "macOS",
    CrOS: "ChromeOS",
  };
  const name = names[browser ?? ""] ?? "Browser";
  return system ? `${name} on ${names[system] ?? system}` : name;
}
