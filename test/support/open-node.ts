// A bare libp2p node as the host makes its own, for tests that are the other side.

import type { Libp2p, PrivateKey } from "@libp2p/interface";

import { createNode, startNode } from "../../host/peers/libp2p-node.ts";

/** Started; stop it with `stop()`. */
export async function openNode(hostKey: PrivateKey, listen: readonly string[]): Promise<Libp2p> {
  const node = await createNode(hostKey, listen);
  await startNode(node, listen);
  return node;
}
