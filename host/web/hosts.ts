// The `Host` header: which of the separate sites of this server a request is for. Everything that is
// not on the list is refused, which also ends DNS rebinding.

/** Who answers (docs/formats/web.md, section 1). */
type Site =
  | { readonly kind: "shell" }
  /** Another name of the loopback: redirected to the shell's. */
  | { readonly kind: "alias" }
  /** The name or address that the owner gave; not a secure context, so no login there. */
  | { readonly kind: "named" }
  | { readonly kind: "experience"; readonly name: string; readonly token: string }
  | { readonly kind: "unknown" };

/** The longest name (32), two hyphens and the token fill 60 of a DNS label's 63 characters. */
const EXPERIENCE_LABEL = /^([a-z][a-z0-9-]{0,31})--([a-z2-7]{26})$/;
const DEFAULT_PORT = 80;
const TWIN_NAME_LENGTH = 32;

/** The sites of one listening port. */
export interface Hosts {
  /** `http://localhost:PORT`, the one origin that may log in. */
  readonly shellOrigin: string;
  /** `localhost:PORT` */
  readonly shellHost: string;
  experienceOrigin(name: string, token: string): string;
  siteOf(hostHeader: string | undefined): Site;
}

/**
 * The sites of the host's first twin, or of the one of that name. `given` is what the owner asked to
 * listen on, which also becomes a name of the first.
 */
export function createHosts(port: number, given: string, twinName?: string): Hosts {
  const suffix = suffixOf(port);
  const isFirst = twinName === undefined;
  const shellHost = isFirst ? `localhost${suffix}` : `${twinName}.localhost${suffix}`;
  const aliases = new Set(isFirst ? [`127.0.0.1${suffix}`, `[::1]${suffix}`] : []);
  const named = isFirst ? `${given.includes(":") ? `[${given}]` : given.toLowerCase()}${suffix}` : undefined;
  const experienceEnd = `.${shellHost}`;
  return {
    shellHost,
    shellOrigin: `http://${shellHost}`,
    experienceOrigin: (name, token) => `http://${name}--${token}${experienceEnd}`,
    siteOf: (hostHeader) => {
      const host = hostHeader?.toLowerCase() ?? "";
      if (host === shellHost) return { kind: "shell" };
      if (aliases.has(host)) return { kind: "alias" };
      if (host === named) return { kind: "named" };
      const label = host.endsWith(experienceEnd) ? host.slice(0, -experienceEnd.length) : "";
      const [, name, token] = EXPERIENCE_LABEL.exec(label) ?? [];
      return name !== undefined && token !== undefined ? { kind: "experience", name, token } : { kind: "unknown" };
    },
  };
}

/** The twin that a `Host` header names, `NAME.localhost` or `EXPERIENCE--TOKEN.NAME.localhost`; undefined for everything else. */
export function twinNameOf(hostHeader: string | undefined, port: number): string | undefined {
  const host = hostHeader?.toLowerCase() ?? "";
  const end = `.localhost${suffixOf(port)}`;
  if (!host.endsWith(end)) return undefined;
  const labels = host.slice(0, -end.length).split(".");
  const name = labels.at(-1);
  return name !== undefined && labels.length <= 2 && isTwinName(name) ? name : undefined;
}

/** Whether a twin of a host may have the name: a label of a host name without two hyphens in a row, which experiences have. */
export function isTwinName(name: string): boolean {
  return name.length <= TWIN_NAME_LENGTH && /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/u.test(name);
}

function suffixOf(port: number): string {
  return port === DEFAULT_PORT ? "" : `:${port}`;
}
