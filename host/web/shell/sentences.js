// What the shell says about the twin, as sentences. Pure.

import { count, formatNumber } from "/-/wording.js";

/** Beginning and end of an id or hash, enough to compare by eye. @param {string} id */
export function shortId(id) {
  const bare = id.replace(/^did:key:/, "");
  return bare.length <= 14 ? bare : `${bare.slice(0, 8)}…${bare.slice(-4)}`;
}

/** How sure the owner can be, in one sentence. @param {import("../../vault/object.ts").VaultStatus} vault */
export function durabilitySentence(vault) {
  const places = count(vault.stores.length, "place");
  if (vault.margin < 0) return `Some data cannot be read: too many of its ${places} are missing`;
  if (vault.objectCount === 0) return `${places} ready to keep your data`;
  if (vault.margin === 0) return `Stored in ${places}, but the next loss would lose data`;
  return `Everything is stored in ${places} and survives the loss of any ${formatNumber(vault.margin)}`;
}

/** The same where there is little room. @param {import("../../vault/object.ts").VaultStatus} vault */
export function durabilityShort(vault) {
  if (vault.margin < 0) return "Some data cannot be read";
  if (vault.objectCount === 0) return `${count(vault.stores.length, "place")} ready`;
  return vault.margin === 0
    ? "The next loss would lose data"
    : `${count(vault.stores.length, "place")}, survives the loss of any ${formatNumber(vault.margin)}`;
}

/** What the margin does not cover: stores that fail together. @param {import("../../vault/object.ts").VaultStatus} vault */
export function domainSentence(vault) {
  if (vault.stores.length < 2 || vault.domainMargin > 0 || vault.margin <= 0) return "";
  const [largest] = Object.entries(Object.groupBy(vault.stores, (store) => store.domain)).toSorted(
    ([, left = []], [, right = []]) => right.length - left.length,
  );
  const [domain, together = []] = largest ?? [];
  const many = together.length === vault.stores.length ? "All" : formatNumber(together.length);
  return `${many} of these stores are on ${domain}: add stores elsewhere in case it fails as a whole.`;
}

/** Who cannot reach the twin, which few expect; empty when others can. @param {readonly string[]} addresses of libp2p */
export function reachSentence(addresses) {
  if (addresses.length === 0 || !addresses.every((address) => /^\/(?:ip4\/127\.|ip6\/::1\/)/.test(address))) return "";
  return "Only twins on this machine reach yours. For all others, start your host with --peer-host 0.0.0.0 --peer-port 4841.";
}

/** @param {readonly import("../../rpc/api.ts").PeerStatus[]} peers */
export function peersSentence(peers) {
  if (peers.length === 0) return "No contacts yet";
  const online = peers.filter((peer) => peer.online).length;
  const waiting = peers.reduce((sum, peer) => sum + peer.waiting, 0);
  const reach = `${online} of ${count(peers.length, "contact")} online`;
  return waiting === 0 ? reach : `${reach}, ${count(waiting, "message")} waiting`;
}

/** `experience:chat` -> "Chat (experience)". @param {string} caller */
export function callerWords(caller) {
  const colon = caller.indexOf(":");
  if (colon < 0) return caller === "owner" ? "You" : caller;
  const kind = caller.slice(0, colon);
  const name = caller.slice(colon + 1);
  return kind === "peer" ? `peer ${shortId(name)}` : `${kind} ${name}`;
}

/** What each permission lets a capability do. @type {Record<string, string>} */
const PERMISSION_WORDS = {
  state: "Keep data of its own",
  blobs: "Refer to stored files",
  send: "Send messages to other twins",
  emit: "Tell experiences what happened",
  schedule: "Run at set times",
  peer_call: "Ask other twins, and wait for what they answer",
};

/** @param {import("../../packages/manifest.ts").PermissionRequest} request */
export function permissionWords({ permission }) {
  if (typeof permission === "string") return PERMISSION_WORDS[permission] ?? permission;
  if ("http" in permission) return `Send requests to ${permission.http.join(", ")}`;
  return `Call ${permission.call}: ${permission.methods.join(", ")}`;
}
