// A host with one twin on loopback, over a fake engine.

import { tmpdir } from "node:os";
import { join } from "node:path";

import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { systemClock, type Clock } from "../../host/base/clock.ts";
import { silentLog } from "../../host/base/log.ts";
import { systemRandom } from "../../host/base/random.ts";
import type { Identity } from "../../host/identity/identity.ts";
import { uniformTable } from "../../host/kernels/hardware-profile.ts";
import { createLanes } from "../../host/kernels/lanes.ts";
import { OfferShelf } from "../../host/packages/offer-shelf.ts";
import { openPeerNode, type PeerNode, type PeerNodeParts } from "../../host/peers/peer-node.ts";
import { openPeers, type Peers, type PeersParts } from "../../host/peers/peers.ts";
import { createDirectory } from "../../host/phonebook/directory.ts";
import type { TfchainPhonebook } from "../../host/phonebook/tfchain-phonebook.ts";
import { createContactsPhonebook } from "../../host/phonebook/contacts-phonebook.ts";
import type { Paired } from "../../host/rpc/api.ts";
import {
  createFakePeerEngine,
  createFakeTwinState,
  type FakePeerEngine,
  type FakeTwinState,
} from "./fake-peer-engine.ts";
import { referenceKernels } from "./reference-kernels.ts";
import { openTestHolder } from "./shard-holding.ts";
import { testIdentity } from "./test-identity.ts";
import { testKernels } from "./test-vault.ts";

/** A running host of a test. */
export interface TestHost extends AsyncDisposable {
  readonly identity: Identity;
  readonly peers: Peers;
  readonly engine: FakePeerEngine;
  readonly state: FakeTwinState;
  readonly paired: Paired[];
  /** What it offers to circles, of which `friends` has its contacts. */
  readonly offers: OfferShelf;
  /** Listen addresses without PeerId, to start it again at the same place. */
  readonly listen: string[];
}

/** Starts the host of twin `number`. Contacts are in the circle `friends` once they are paired. */
export async function openTestHost(
  number: number,
  options: Partial<
    Pick<PeersParts, "node" | "clock" | "log" | "holder"> & Pick<PeerNodeParts, "listen" | "hostKey">
  > & {
    readonly state?: FakeTwinState;
    readonly identity?: Identity;
    /** Who knows where strangers are. */
    readonly outside?: TfchainPhonebook | undefined;
  } = {},
): Promise<TestHost> {
  const { state = createFakeTwinState(), identity = testIdentity(number) } = options;
  const engine = createFakePeerEngine(state);
  const paired: Paired[] = [];
  const phonebook = createContactsPhonebook(engine);
  const offers = new OfferShelf({ table: engine, kernels: referenceKernels, clock: options.clock ?? systemClock });
  const own = options.node === undefined ? await openTestNode(number, options) : undefined;
  const peers = await openPeers({
    node: options.node ?? own!,
    identity,
    engine,
    phonebook,
    directory: createDirectory({
      contacts: phonebook,
      outside: options.outside,
      clock: options.clock ?? systemClock,
      log: options.log ?? silentLog,
    }),
    circlesOf: async (twin) => ((await phonebook.resolve(twin)) === undefined ? [] : ["friends"]),
    onPaired: async (contact) => {
      paired.push(contact);
    },
    offers,
    ownName: () => `Twin ${number}`,
    holder: options.holder ?? (await openTestHolder(join(tmpdir(), "no-shards-are-held"))),
    clock: options.clock ?? systemClock,
    random: systemRandom,
    log: options.log ?? silentLog,
  });
  return {
    identity,
    peers,
    engine,
    state,
    paired,
    offers,
    listen: peers.addresses.map((address) => address.replace(/\/p2p\/.*$/u, "")),
    [Symbol.asyncDispose]: async () => {
      await peers[Symbol.asyncDispose]();
      await own?.[Symbol.asyncDispose]();
    },
  };
}

/** The node of host `number`; several twins can share it. */
export async function openTestNode(
  number: number,
  options: Partial<Pick<PeerNodeParts, "listen" | "hostKey" | "clock" | "log" | "wake">> = {},
): Promise<PeerNode> {
  const { listen = ["/ip4/127.0.0.1/tcp/0"], clock = systemClock, log = silentLog } = options;
  return openPeerNode({
    hostKey: options.hostKey ?? (await generateKeyPairFromSeed("Ed25519", new Uint8Array(32).fill(number + 100))),
    listen,
    lanes: createLanes(await testKernels(), uniformTable("wasm")),
    clock,
    log,
    wake: options.wake,
  });
}

/** Resolves when `condition` holds; the test's own time limit ends a wait in vain. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await systemClock.sleep(5);
}

/** A clock whose hands a test can move; waiting is real. */
export function createSettableClock(): Clock & { aheadMs: number } {
  const clock = {
    ...systemClock,
    aheadMs: 0,
    nowMs: () => systemClock.nowMs() + clock.aheadMs,
  };
  return clock;
}
