// Where a package stands in an OCI registry: `oci://ghcr.io/ada/guestbook:1.0.0`, or by the digest of its
// manifest, `oci://ghcr.io/ada/guestbook@sha256:...` (distribution specification 1.1, "Pulling manifests").

import { TwinError } from "../base/errors.ts";

/** A place in a registry. */
export interface OciReference {
  /** Host with an optional port. */
  readonly registry: string;
  readonly repository: string;
  /** A tag, or `sha256:` and 64 hex digits; undefined when it names neither. */
  readonly reference: string | undefined;
}

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const FORM = new RegExp(
  `^oci://(?<registry>[a-z0-9.-]{1,253}(?::[0-9]{1,5})?|\\[[0-9a-f:]{2,39}\\](?::[0-9]{1,5})?)/(?<repository>${COMPONENT}(?:/${COMPONENT}){0,15})` +
    `(?:@(?<digest>sha256:[0-9a-f]{64})|:(?<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?$`,
  "u",
);

/** Whether `source` is meant to be a place in a registry. */
export function isOciReference(source: string): boolean {
  return source.startsWith("oci://");
}

/** Throws `TWIN_INPUT_INVALID`. */
export function parseOciReference(source: string): OciReference {
  const { registry, repository, digest, tag } = (source.length <= 1_024 && FORM.exec(source)?.groups) || {};
  // The form lets ports and hosts through that are none.
  if (registry === undefined || repository === undefined || !URL.canParse(`http://${registry}`)) {
    const message = `This is no place in a registry: expected oci://HOST/NAME:TAG or oci://HOST/NAME@sha256:HEX, got ${source.slice(0, 100)}.`;
    throw new TwinError("TWIN_INPUT_INVALID", message);
  }
  return { registry, repository, reference: digest ?? tag };
}

/** Whether the registry is on this very machine: only such a one is spoken to without TLS. */
export function isLocalRegistry(registry: string): boolean {
  const { hostname } = new URL(`http://${registry}`);
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/u.test(hostname);
}
