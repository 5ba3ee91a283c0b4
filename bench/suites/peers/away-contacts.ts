// Messages to ten contacts that are up, from a host whose other thirty contacts swallow every dial,
// against a host that has only the ten.

import { utf8Encode } from "../../../host/base/bytes.ts";
import { createContactsPhonebook } from "../../../host/phonebook/contacts-phonebook.ts";
import { signTwinRecord } from "../../../host/phonebook/twin-record.ts";
import { createFakeTwinState } from "../../../test/support/fake-peer-engine.ts";
import { createMemoryTables } from "../../../test/support/memory-tables.ts";
import { openSilentHost } from "../../../test/support/silent-host.ts";
import { testIdentity } from "../../../test/support/test-identity.ts";
import { openTestHost, type TestHost, until } from "../../../test/support/test-peers.ts";
import type { Case } from "../../measure.ts";
import { createConcurrentSampler } from "../../samplers.ts";

const LIVE_COUNT = 10;
const AWAY_COUNT = 30;
/** To each contact in one run. */
const MESSAGE_COUNT = 20;
const PAYLOAD = utf8Encode(JSON.stringify("message ".repeat(25)));

/** Opens the hosts, pairs them, and waits until every dial hangs; `stack` ends them. */
export async function openAwayCase(stack: AsyncDisposableStack): Promise<Case> {
  const live = await Promise.all(Array.from({ length: LIVE_COUNT }, (_, index) => open(stack, 200 + index)));
  const alone = await open(stack, 220);
  const silences = await Promise.all(Array.from({ length: AWAY_COUNT }, openSilentHost));
  for (const silence of silences) stack.use(silence);
  const away = silences.map((_, index) => testIdentity(230 + index));
  const state = createFakeTwinState();
  const phonebook = createContactsPhonebook(createMemoryTables(state.rows));
  const [, peerId = ""] = /\/p2p\/(.+)$/u.exec(alone.peers.addresses[0]!) ?? [];
  for (const [index, { address }] of silences.entries()) {
    const hosts = [{ peerId, multiaddrs: [address], relays: [] }];
    await phonebook.publish(signTwinRecord(away[index]!, { sequence: 1, issuedAtMs: 1, expiresAtMs: 2, hosts }));
  }
  const crowded = await open(stack, 221, state);
  await until(() => silences.every(({ sockets }) => sockets.size > 0));
  for (const host of live) {
    for (const sender of [alone, crowded]) await sender.peers.accept((await host.peers.invite()).code);
  }
  const others = away.map(({ id }) => id);
  const contender = (name: string, sender: TestHost, also: readonly string[]) => {
    const sample = createConcurrentSampler(1, () => sendAll(sender, live, also));
    return { name, kind: "js", version: "ours", sample: async (ms: number) => (await sample(ms)) / PER_RUN } as const;
  };
  return {
    suite: "peers",
    name: "deliver-while-away",
    ours: contender("30 of 40 contacts away", crowded, others),
    others: [contender("10 contacts, none away", alone, [])],
  };
}

const PER_RUN = MESSAGE_COUNT * LIVE_COUNT;

async function open(stack: AsyncDisposableStack, number: number, state?: TestHost["state"]): Promise<TestHost> {
  return stack.use(await openTestHost(number, state === undefined ? {} : { state }));
}

/** Messages to all contacts; resolves when those that are up have theirs. */
async function sendAll(sender: TestHost, live: readonly TestHost[], also: readonly string[]): Promise<void> {
  const before = live.map(({ state }) => state.handled.length);
  for (let count = 0; count < MESSAGE_COUNT; count++) {
    for (const { identity } of live) sender.engine.send(identity.id, PAYLOAD);
    for (const peer of also) sender.engine.send(peer, PAYLOAD);
  }
  await until(() => live.every(({ state }, index) => state.handled.length - before[index]! >= MESSAGE_COUNT));
}
