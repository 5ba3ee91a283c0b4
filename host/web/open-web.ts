// The web server: the desktop and its experiences for the owner's browsers.

import { join } from "node:path";

import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { OwnerDesk, OwnerParts } from "../rpc/owner-parts.ts";
import { createExperienceSite, type ExperienceFile } from "./experience-site.ts";
import { createHosts } from "./hosts.ts";
import { openListener } from "./listen.ts";
import { Login } from "./login.ts";
import type { Metrics } from "./metrics.ts";
import { OpenExperiences } from "./open-experiences.ts";
import type { OwnerKeys } from "./owner-keys.ts";
import { createShellSite } from "./shell-site.ts";
import { createSiteSwitch, type Sites } from "./site-switch.ts";
import { readLibraryFiles, readShellFiles } from "./site-files.ts";
import { Sockets } from "./sockets.ts";
import { Tickets } from "./tickets.ts";

/** What the web needs of the host. */
export interface WebOptions {
  /** `about.webUrl` may ask this web for its `url` once it is open. */
  readonly owner: OwnerParts;
  /** The same that `owner.browsers` is. */
  readonly ownerKeys: OwnerKeys;
  /** The installed file of that path in that experience, or undefined. */
  readonly experienceFile: (name: string, path: string) => Promise<ExperienceFile | undefined>;
  /** "localhost" listens on both loopback addresses; anything else on that address alone. */
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** `host/web` of the installation: has `shell/` and `client/`. */
  readonly assetFolder: string;
  readonly metrics: Metrics;
  /** Who shows it may read the metrics over HTTP, from this machine. Absent: nobody. */
  readonly metricsToken?: string | undefined;
  readonly random: Random;
  readonly log: Log;
}

/** A listening web server. Disposing it ends all connections. */
export interface Web extends AsyncDisposable {
  /** `http://localhost:PORT`: where browsers find the desktop. */
  readonly url: string;
  readonly port: number;
  /** A fresh link that logs one browser in, once, within the hour. */
  loginLink(): Promise<string>;
  /** A desk for a connection that does not come through this server: the local socket's. The caller disposes it. */
  createDesk(): OwnerDesk;
}

/** Listens. Throws `TWIN_HOST_PORT` when it cannot, and `TWIN_HOST_FOLDER` when the installation is not whole. */
export async function openWeb(options: WebOptions): Promise<Web> {
  const { owner, random } = options;
  const login = new Login({ keys: options.ownerKeys, clock: owner.clock, random });
  const tickets = new Tickets({ clock: owner.clock, random });
  const open = new OpenExperiences({ random, tickets });
  const [shellFiles, libraries] = await Promise.all([
    readShellFiles(join(options.assetFolder, "shell")),
    readLibraryFiles(join(options.assetFolder, "client")),
  ]);
  await using sitesStack = new AsyncDisposableStack();
  const listener = await openListener({ address: options.host, port: options.port }, async (port) => {
    const sites = await createSites(options, { port, login, tickets, open, shellFiles, libraries }, sitesStack);
    return createSiteSwitch(sites);
  });
  // Sockets end before the listener, which waits for them.
  const parts = new AsyncDisposableStack();
  parts.use(listener);
  parts.use(sitesStack.move());
  const url = createHosts(listener.port, options.host).shellOrigin;
  return {
    url,
    port: listener.port,
    loginLink: () => Promise.resolve(`${url}/#login=${login.issue()}`),
    createDesk: () => open.createDesk(),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function createSites(
  options: WebOptions,
  made: {
    readonly port: number;
    readonly login: Login;
    readonly tickets: Tickets;
    readonly open: OpenExperiences;
    readonly shellFiles: Awaited<ReturnType<typeof readShellFiles>>;
    readonly libraries: Awaited<ReturnType<typeof readLibraryFiles>>;
  },
  stack: AsyncDisposableStack,
): Promise<Sites> {
  const { owner, ownerKeys, random, log, experienceFile: file } = options;
  const { open, login, tickets, libraries } = made;
  const hosts = createHosts(made.port, options.host);
  const handshake = { keys: ownerKeys, clock: owner.clock, random, origin: hosts.shellOrigin };
  const sockets = new Sockets({ owner, open, handshake, clock: owner.clock, log });
  const experience = createExperienceSite({ hosts, open, file, libraries, log });
  const shell = await createShellSite({
    hosts,
    health: { owner, metrics: options.metrics, metricsToken: options.metricsToken },
    login,
    sockets,
    open,
    file,
    tickets,
    log,
    vault: owner.vault,
    changes: owner.changes,
    experiences: () => owner.experiences.list(),
    files: new Map([...made.shellFiles, ...libraries]),
  });
  stack.defer(() => shell.close());
  stack.defer(() => experience.close());
  // Ended first, with a reason: the router would close them without one.
  stack.use(sockets);
  await Promise.all([shell.ready(), experience.ready()]);
  return { hosts, shell, experience };
}
