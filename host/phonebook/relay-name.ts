// What a phonebook entry on a chain may name as the place of a twin's record: a name of DNS, and no address.

import { LIMITS } from "../base/limits.ts";

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
/** At least two labels, the last one of letters: no address in any notation is written like that (WHATWG URL, 3.5). */
const NAME = new RegExp(String.raw`^(?:${LABEL}\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})$`, "u");
/** RFC 6761, 6762, 8375, 9476: they name this machine, its network, or nothing. */
const LOCAL = /\.(?:localhost|local|internal|home\.arpa|invalid|onion|alt)$/u;

/** `text` in small letters if it is a DNS name of the open internet that TFChain takes for a relay, else undefined. */
export function parseRelayName(text: string): string | undefined {
  const name = text.toLowerCase();
  return name.length <= LIMITS.phonebook.relayLength && NAME.test(name) && !LOCAL.test(name) ? name : undefined;
}

/** Where the record of a twin is below a name, over HTTPS: `/.well-known/twin-record/` and the id without `did:key:`. */
export function recordPath(twin: string): string {
  return `${RECORD_FOLDER}${twin.replace(/^did:key:/u, "")}`;
}

const RECORD_FOLDER = "/.well-known/twin-record/";
