import { expect, onTestFinished, test } from "vitest";
import { createPackageExchange } from "../../../host/package-exchange.ts";
import { readPackage } from "../../../host/packages/package-file.ts";
import { probePackage } from "../../support/probe-package.ts";
import { referenceKernels as kernels } from "../../support/reference-kernels.ts";
import { testIdentity } from "../../support/test-identity.ts";
import { openTestHost, type TestHost } from "../../support/test-peers.ts";

async function open(number: number): Promise<TestHost> {
  const host = await openTestHost(number);
  onTestFinished(() => host[Symbol.asyncDispose]());
  return host;
}

const exchangeOf = ({ offers, peers }: TestHost) => createPackageExchange({ shelf: offers, kernels, peers });

test("a contact's packages are listed and taken over the network, those of other circles are not", async () => {
  const [ada, ben] = await Promise.all([open(1), open(2)]);
  await ben.peers.accept((await ada.peers.invite()).code);
  const [given, kept] = [probePackage(), probePackage({ version: "2.0.0" })];
  await ada.offers.offer(given, ["friends"]);
  await ada.offers.offer(kept, ["family"]);
  const exchange = exchangeOf(ben);
  const { hash } = readPackage(given, kernels);
  expect(await exchange.offersOf(ada.identity.id)).toMatchObject([{ hash, name: "probe", version: "1.0.0" }]);
  expect(await exchange.take(ada.identity.id, hash)).toEqual(given);
  const hidden = exchange.take(ada.identity.id, readPackage(kept, kernels).hash);
  await expect(hidden).rejects.toMatchObject({ code: "TWIN_PACKAGE_UNKNOWN" });
  // The other way round there is nothing.
  expect(await exchangeOf(ada).offersOf(ben.identity.id)).toEqual([]);

  // What a host asks that is not ours.
  for (const [wanted, offset] of [
    ["../../etc/passwd", 0],
    [hash, -1],
    [hash, 1],
    [hash, 1e9],
    [hash.toUpperCase(), 0],
    [7 as unknown as string, 0],
  ] as const) {
    const asked = ben.peers.ask(ada.identity.id, (host) => host.packagePart(wanted, offset));
    await expect(asked).rejects.toMatchObject({ code: "TWIN_INPUT_INVALID" });
  }
});

test("a twin that is unknown, and a host without a network, are said to be so", async () => {
  const ada = await open(1);
  const stranger = exchangeOf(ada).offersOf(testIdentity(9).id);
  await expect(stranger).rejects.toMatchObject({ code: "TWIN_PEER_UNKNOWN" });
  const alone = createPackageExchange({ shelf: ada.offers, kernels, peers: undefined });
  await expect(alone.take(testIdentity(9).id, "0".repeat(64))).rejects.toMatchObject({ code: "TWIN_HOST_BUSY" });
});
