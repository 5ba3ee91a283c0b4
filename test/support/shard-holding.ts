// A holder of shards in a folder, and stores over it through counted links in memory.

import type { Clock } from "../../host/base/clock.ts";
import { silentLog } from "../../host/base/log.ts";
import { openShardLink, type ShardLink } from "../../host/peers/shard-link.ts";
import { createShardHolder, type ShardHolder } from "../../host/peers/shard-holder.ts";
import { createTwinShardStore, type TwinShardStore } from "../../host/peers/twin-shard-store.ts";
import type { TwinId } from "../../host/identity/twin-id.ts";
import type { FrameLink } from "../../host/rpc/frame-transport.ts";
import { createLinkPair } from "./link-pair.ts";
import { createManualClock } from "./manual-clock.ts";
import { createMemoryTables } from "./memory-tables.ts";
import { testKernels } from "./test-vault.ts";

/** Bytes that a frame costs beyond its own: its length, Yamux and Noise, and an IP packet's heads. */
const FRAME_COST = 4 + 12 + 18 + 40;

/** Frames that went over a link. */
export interface Traffic {
  frames: number;
  bytes: number;
}

/** A holder over `folder`. */
export async function openTestHolder(folder: string, clock: Clock = createManualClock()): Promise<ShardHolder> {
  return createShardHolder({
    folder,
    engine: createMemoryTables(),
    kernels: await testKernels(),
    clock,
    log: silentLog,
  });
}

/** A store of `twin` over `holder`, and what its links carried. */
export function openHeldStore(
  holder: ShardHolder,
  twin: TwinId,
  { name = "held", clock = createManualClock() }: { readonly name?: string; readonly clock?: Clock } = {},
): { readonly store: TwinShardStore; readonly traffic: Traffic } {
  const traffic: Traffic = { frames: 0, bytes: 0 };
  const connect = async (): Promise<ShardLink> => {
    const [near, far] = createLinkPair();
    void holder.serve(counted(far, traffic), twin);
    return openShardLink(near, clock);
  };
  return { store: createTwinShardStore({ name, domain: name, clock }, connect), traffic };
}

/** The link, counting what goes through it in both directions. */
function counted(link: FrameLink, traffic: Traffic): FrameLink {
  const count = <T extends Uint8Array>(frame: T): T => {
    traffic.frames++;
    traffic.bytes += frame.length + FRAME_COST;
    return frame;
  };
  return {
    send: (frame) => link.send(count(frame)),
    receive: async () => count(await link.receive()),
    close: (reason) => link.close(reason),
  };
}
