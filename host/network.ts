// The host's place in the network, and that of each of its twins.

import { isIP } from "node:net";
import { join } from "node:path";

import { systemClock } from "./base/clock.ts";
import type { Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import { createCircles } from "./circles.ts";
import type { HostConfig } from "./config.ts";
import type { TwinId } from "./identity/twin-id.ts";
import type { Lanes } from "./kernels/lanes.ts";
import type { OpenTwin } from "./open-twin.ts";
import { openHostKey } from "./peers/host-key.ts";
import { openPeerNode, type PeerNode } from "./peers/peer-node.ts";
import { openPeers, type Peers } from "./peers/peers.ts";
import type { Paired } from "./rpc/api.ts";
import type { ChangeHub } from "./rpc/change-hub.ts";
import type { Settings } from "./settings.ts";

/** What {@link openHostNode} needs. */
export interface HostNodeOrigins {
  readonly config: Pick<HostConfig, "folder" | "peerHost" | "peerPort">;
  /** Where the port is kept from start to start. */
  readonly settings: Settings;
  readonly lanes: Lanes;
  readonly log: Log;
  /** Has the twin of that hash join that does not yet, if it lives here. */
  readonly wake: (wanted: string) => Promise<void>;
}

/** The node that all twins of the host share; it ends with `stack`. Throws `TWIN_HOST_PORT`. */
export async function openHostNode(stack: AsyncDisposableStack, origins: HostNodeOrigins): Promise<PeerNode> {
  const { config, settings, lanes, log, wake } = origins;
  const parts = {
    hostKey: await openHostKey(join(config.folder, "host.key"), systemRandom),
    lanes,
    clock: systemClock,
    log,
    wake,
  };
  const listen = (port: number): Promise<PeerNode> =>
    openPeerNode({ ...parts, listen: [peerAddress(config.peerHost, port)] });
  const keptPort = Number((await settings.get("peerPort")) ?? 0);
  const node = stack.use(
    await listen(config.peerPort || keptPort).catch((thrown: unknown) => {
      // A port that the owner named must be had; one that was only kept from the last start need not.
      if (config.peerPort !== 0 || keptPort === 0) throw thrown;
      return listen(0);
    }),
  );
  const ports = node.multiaddrs().map((address) => /\/tcp\/(\d+)/.exec(address.toString())?.[1]);
  const port = ports.find((text) => text !== undefined);
  if (port !== undefined) await settings.set("peerPort", port);
  return node;
}

/** The multiaddr of an IP address or a name, and a port. */
function peerAddress(host: string, port: number): string {
  const kind = isIP(host) === 6 ? "ip6" : isIP(host) === 4 ? "ip4" : "dns";
  return `/${kind}/${host}/tcp/${port}`;
}

/** What {@link openTwinPeers} needs. */
export interface TwinPeersOrigins {
  readonly node: PeerNode;
  readonly twin: OpenTwin;
  readonly changes: ChangeHub;
  readonly log: Log;
}

/** The twin among the others, with all of it that reaches them; it ends with `stack`. */
export async function openTwinPeers(stack: AsyncDisposableStack, origins: TwinPeersOrigins): Promise<Peers> {
  const { node, twin, changes, log } = origins;
  const { identity, engine, offers, holder } = twin;
  const circles = stack.use(createCircles(engine));
  const peers = stack.use(
    await openPeers({
      node,
      identity,
      engine,
      phonebook: twin.contacts,
      directory: twin.directory,
      circlesOf: (other: TwinId) => circles.of(other),
      onPaired: (paired: Paired) => circles.addContact(paired),
      onChange: () => changes.announce("peers"),
      ownName: () => twin.name,
      offers,
      holder,
      clock: systemClock,
      random: systemRandom,
      log,
    }),
  );
  twin.outside.connect(peers);
  twin.twinStores.connect(peers);
  return peers;
}
