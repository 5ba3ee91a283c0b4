// Where tasks may send HTTP requests, as a manifest names it: `api.example.com` (https at its usual
// port), `api.example.com:8443`, `*.example.com` (any name below it), `http://192.168.1.5:8080`
// (unencrypted only where it says so).

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const NAME = String.raw`${LABEL}(?:\.${LABEL})*`;
const BELOW = String.raw`\*\.${LABEL}(?:\.${LABEL})+`;
const ADDRESS_6 = String.raw`\[[0-9a-f:.]{2,45}\]`;
const PLACE = new RegExp(
  String.raw`^(?<scheme>http://)?(?<host>${NAME}|${BELOW}|${ADDRESS_6})(?::(?<port>[1-9][0-9]{0,4}))?$`,
  "u",
);
const ADDRESS = /^(?:[0-9.]+|\[.*\]|localhost)$/u;

/** How a place must look. */
export const HTTP_PLACE_RULE = {
  pattern: PLACE,
  form: "a place such as api.example.com, *.example.com, example.com:8443 or http://192.168.1.5",
} as const;

/** Whether one of `places` covers `url`. */
export function isAllowedPlace(url: URL, places: readonly string[]): boolean {
  return places.some((place) => {
    const { scheme, host = "", port } = PLACE.exec(place)?.groups ?? {};
    const [protocol, usual] = scheme === undefined ? ["https:", "443"] : ["http:", "80"];
    if (url.protocol !== protocol || (url.port || usual) !== (port ?? usual)) return false;
    return host.startsWith("*.") ? url.hostname.endsWith(host.slice(1)) : url.hostname === host;
  });
}

/** Whether the host is written as an address, or is this very machine: who allowed it has seen where it leads, and no name server has a say in it. */
export function isAddress(hostname: string): boolean {
  return ADDRESS.test(hostname);
}
