// The composition root: opens every room in order and gives each exactly the parts it needs.
// Stopping is being killed; closing in order only spares the next start some work.

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "./base/clock.ts";
import { createLog, type Log } from "./base/log.ts";
import { systemRandom } from "./base/random.ts";
import type { HostConfig } from "./config.ts";
import { openControlServer } from "./control/control-server.ts";
import { type Engines, openEngines } from "./engine/open-engines.ts";
import type { Identity } from "./identity/identity.ts";
import { formatPhrase } from "./identity/phrase.ts";
import { openKernels } from "./kernels/open-kernels.ts";
import { openLanes, type OpenLanes } from "./kernels/open-lanes.ts";
import type { PeerNode } from "./peers/peer-node.ts";
import type { Peers } from "./peers/peers.ts";
import type { ControlApi } from "./rpc/api.ts";
import { type ChangeHub, createChangeHub } from "./rpc/change-hub.ts";
import { createControlTarget } from "./rpc/control-target.ts";
import { type KeptReplica, keepReplica } from "./keep-replica.ts";
import { keepVault } from "./keep-vault.ts";
import { installationFolder } from "./installation.ts";
import { adoptJournal } from "./state/adopt-journal.ts";
import { lockFolder } from "./state/folder-lock.ts";
import { openTfchain } from "./tfchain.ts";
import { TwinOutside } from "./twin-outside.ts";
import { openDataFolder, openTwinKeys } from "./twin-keys.ts";
import { checkPortFree } from "./web/check-port.ts";
import { createMetrics, type Metrics } from "./web/metrics.ts";
import { openWeb, type Web } from "./web/open-web.ts";
import { createOwner, type Owner, webPartsOf } from "./create-owner.ts";
import { openHostNode, openTwinPeers } from "./network.ts";
import { openTwin, type OpenTwin, type TwinOrigins } from "./open-twin.ts";
import { OtherTwins } from "./other-twins.ts";

/** Which parts of a host to open, and whether it may make a twin where there is none. */
export interface HostParts {
  readonly create: boolean;
  /** Serve browsers and the local socket. */
  readonly web: boolean;
  /** Reach other twins and be reached. */
  readonly peers: boolean;
}

/** A host in this process. Disposing closes it. */
export interface Host extends AsyncDisposable {
  /** The owner's authority. */
  readonly control: ControlApi;
  /** The 24 words, as long as they have never been shown. Secret. */
  readonly phrase: readonly string[] | undefined;
  /** Call it once the phrase has been on the owner's screen: it is not offered again. */
  phraseWasShown(): Promise<void>;
}

/**
 * Opens the twin of the configured data folder. Throws `TWIN_HOST_*`, `TWIN_KEYSTORE_INVALID` or
 * `TWIN_STATE_BROKEN` with one clear sentence; nothing is changed then.
 */
export async function openHost(config: HostConfig, parts: HostParts): Promise<Host> {
  const log = createLog(config.logLevel);
  if (parts.web) await checkPort(config);
  await using stack = new AsyncDisposableStack();
  await openDataFolder(config.folder, parts.create);
  stack.use(lockFolder(config.folder));
  const kernels = await openKernels();
  const { identity, entropy } = await openTwinKeys(config.folder, kernels);
  const path = join(config.folder, "hardware.json");
  const lanes = await openLanes({
    path,
    kernels,
    clock: systemClock,
    log,
    setting: config.lanes,
    workers: config.kernelWorkers,
  });
  const engines = stack.use(
    await openEngines({ folder: join(config.folder, "journals"), isLocked: true, clock: systemClock, log }),
  );
  const tfchain = openTfchain(stack, { url: config.tfchain, log });
  const shared = { kernels, kernelWorkers: lanes.workers.count, tfchain, log };
  const twin = await openFirstTwin(stack, { config, identity, engines, shared });
  const origins = { config, twin, lanes, changes: createChangeHub(), log };
  const others = new OtherTwins({
    ...origins,
    ...shared,
    folder: config.folder,
    engines,
    keeps: parts.web,
    clock: systemClock,
  });
  const node = parts.peers ? await openNode(stack, { ...origins, others }) : undefined;
  // Behind the node, which its twins use.
  stack.use(others);
  const peers = node && (await openTwinPeers(stack, { ...origins, node }));
  const replica = parts.web
    ? stack.use(keepReplica({ ...twin, folder: config.folder, changes: origins.changes, log }))
    : undefined;
  if (parts.web) stack.use(keepVault({ ...origins, vault: twin.vault, clock: systemClock }));
  const owner = await openOwnerParts(stack, { ...origins, peers, replica, others, web: parts.web });
  if (parts.web) others.takeInAll();
  const phraseShown = (await twin.settings.get("phraseShown")) !== undefined;
  const owned = stack.move();
  return {
    control: createControlTarget(owner),
    phrase: phraseShown ? undefined : formatPhrase(entropy).split(" "),
    phraseWasShown: () => twin.settings.set("phraseShown", "yes"),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A port that is taken is most often taken by the host of the same folder: then that is said. */
async function checkPort({ folder, host, port }: HostConfig): Promise<void> {
  try {
    await checkPortFree(host, port);
  } catch (thrown) {
    if (existsSync(join(folder, "keystore.json"))) lockFolder(folder)[Symbol.dispose]();
    throw thrown;
  }
}

interface FirstTwinOrigins {
  readonly config: HostConfig;
  readonly identity: Identity;
  readonly engines: Engines;
  readonly shared: Pick<TwinOrigins, "kernels" | "kernelWorkers" | "tfchain" | "log">;
}

async function openFirstTwin(stack: AsyncDisposableStack, origins: FirstTwinOrigins): Promise<OpenTwin> {
  const { config, identity, engines, shared } = origins;
  const folder = join(config.folder, "twin");
  await mkdir(folder, { recursive: true });
  const { id, keys } = identity;
  await adoptJournal(join(folder, "journal"), {
    path: join(folder, "state.sqlite"),
    key: keys.state,
    twin: id,
    kernels: shared.kernels,
    random: systemRandom,
    clock: systemClock,
    log: shared.log,
  });
  const outside = new TwinOutside();
  const engine = stack.use(await engines.open({ folder, twin: id, stateKey: keys.state, follow: true, outside }));
  const { folder: home, name: givenName } = config;
  return openTwin(stack, { ...shared, folder: home, givenName, engine, outside, identity });
}

interface NetworkOrigins {
  readonly config: HostConfig;
  readonly twin: OpenTwin;
  readonly lanes: OpenLanes;
  readonly changes: ChangeHub;
  readonly log: Log;
}

/** From its opening on, the other twins of the host are found by whom they are for. */
async function openNode(
  stack: AsyncDisposableStack,
  origins: NetworkOrigins & { readonly others: OtherTwins },
): Promise<PeerNode> {
  const { config, twin, lanes, log, others } = origins;
  const { settings } = twin;
  const wake = (wanted: string): Promise<void> => others.wake(wanted);
  const node = await openHostNode(stack, { config, settings, lanes: lanes.lanes, log, wake });
  others.join(node);
  return node;
}

interface OwnerOrigins extends NetworkOrigins {
  readonly peers: Peers | undefined;
  readonly replica: KeptReplica | undefined;
  readonly others: OtherTwins;
  /** Whether to serve browsers and the local socket. */
  readonly web: boolean;
}

/** The owner's parts; with `web`, they are served when this returns. */
async function openOwnerParts(stack: AsyncDisposableStack, origins: OwnerOrigins): Promise<Owner> {
  const { config, twin, replica, others } = origins;
  let web: Web | undefined;
  const owner = createOwner(twin, {
    ...origins,
    webUrl: () => web?.url ?? "",
    others: {
      list: () => others.list(),
      create: (name, person) => others.create(name, person),
      open: async (name) => {
        const opened = await others.open(name);
        return { parts: opened.owner, release: opened.hold() };
      },
    },
    brokenTwins: () => others.broken(),
    replica: replica && (() => replica.status()),
    drill: replica && (() => replica.drill()),
    metrics: origins.web ? () => metrics.text() : undefined,
    loginLink: origins.web ? () => web!.loginLink() : undefined,
  });
  const metrics = stack.use(createMetrics(() => [owner, ...others.opened()]));
  if (origins.web) web = await openWebAndControl(stack, { config, owner, twin, others, metrics });
  return owner;
}

interface WebOrigins {
  readonly config: HostConfig;
  readonly owner: Owner;
  readonly twin: OpenTwin;
  readonly others: OtherTwins;
  readonly metrics: Metrics;
}

async function openWebAndControl(stack: AsyncDisposableStack, origins: WebOrigins): Promise<Web> {
  const { config, owner, twin, others, metrics } = origins;
  const web = stack.use(
    await openWeb({
      ...webPartsOf(twin, owner),
      otherTwin: (name) => others.find(name),
      servedRecord: (id) => (id === twin.identity.id ? owner.phonebook.servedRecord() : others.servedRecord(id)),
      host: config.host,
      port: config.port,
      assetFolder: join(installationFolder(), "host", "web"),
      metrics,
      metricsToken: config.metricsToken,
      random: systemRandom,
      log: owner.log,
    }),
  );
  others.connect(web);
  stack.use(
    await openControlServer({
      folder: config.folder,
      log: owner.log,
      serve: () => {
        const desk = web.createDesk();
        return { target: createControlTarget(owner, desk), release: () => desk[Symbol.dispose]() };
      },
    }),
  );
  return web;
}
