// Which addresses are of the open internet: everything else is this machine, its network, or nobody's.
// Ranges are those of the IANA special-purpose registries (RFC 6890 and its successors).

import { BlockList, isIPv4 } from "node:net";

const SPECIAL_4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const;
/** Within the global unicast range: the rest of IPv6 is special as a whole. */
const SPECIAL_6 = [
  ["2001::", 23],
  ["2001:db8::", 32],
  // An IPv4 address is inside of these: it could be any.
  ["2002::", 16],
  ["3fff::", 20],
] as const;

const special4 = new BlockList();
for (const [net, prefix] of SPECIAL_4) special4.addSubnet(net, prefix, "ipv4");
const special6 = new BlockList();
for (const [net, prefix] of SPECIAL_6) special6.addSubnet(net, prefix, "ipv6");
const global6 = new BlockList();
global6.addSubnet("2000::", 3, "ipv6");

/** Whether `address`, an IP address, is one of the open internet. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special4.check(address, "ipv4");
  return global6.check(address, "ipv6") && !special6.check(address, "ipv6");
}
