// The headers of each kind of response (docs/formats/web.md, sections 2, 5 and 6). They are what
// isolates an experience: a response without them is a hole, so the server sets them before any
// route runs, and routes only ever replace the policy by a fuller one.

import type { Hosts } from "./hosts.ts";
import { EXPERIENCE_PERMISSIONS, SHELL_PERMISSIONS } from "./permissions-policy.ts";

/** Header name -> value. */
export type Headers = Readonly<Record<string, string>>;

/** For what is not meant to be a page: nothing loads, nothing runs, nobody frames it. */
const INERT_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox";
/** For icons and other images, which may style themselves. */
export const IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/** On every response of an experience's host. */
export function experienceHeaders(hosts: Hosts): Headers {
  return {
    "Content-Security-Policy": experiencePolicy(hosts, []),
    "Connection-Allowlist": "(response-origin)",
    "Access-Control-Allow-Origin": "*",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
    "Permissions-Policy": EXPERIENCE_PERMISSIONS,
    "Cache-Control": "no-store",
  };
}

/** The policy of an experience's response, with the hashes of its import maps. */
export function experiencePolicy(hosts: Hosts, scriptHashes: readonly string[]): string {
  return [
    "sandbox allow-scripts",
    "default-src 'none'",
    ["script-src 'self' 'wasm-unsafe-eval'", ...scriptHashes].join(" "),
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "media-src 'self' blob:",
    "connect-src 'self' blob: data:",
    "worker-src blob:",
    "frame-src 'none'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${hosts.shellOrigin}`,
  ].join("; ");
}

/** On every response of all other hosts, refusals included. */
export function shellHeaders(): Headers {
  return {
    "Content-Security-Policy": INERT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": SHELL_PERMISSIONS,
    "Cache-Control": "no-store",
  };
}

/** The policy of the shell's own pages. */
export function shellPolicy(hosts: Hosts, scriptHashes: readonly string[]): string {
  return [
    "default-src 'none'",
    ["script-src 'self'", ...scriptHashes].join(" "),
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "media-src 'self' blob:",
    `connect-src 'self' ws://${hosts.shellHost}`,
    "frame-src 'self'",
    "manifest-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

/** The policy of a wrapper page: it may frame exactly one origin, which also stops that frame from navigating itself elsewhere. */
export function wrapperPolicy(experienceOrigin: string, hashes: { script: string; style: string }): string {
  return [
    "default-src 'none'",
    `script-src ${hashes.script}`,
    `style-src ${hashes.style}`,
    `frame-src ${experienceOrigin}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
  ].join("; ");
}
