// The web of one twin: its desktop and its experiences, with a login, keys and open windows of its own.

import type { Writable } from "node:stream";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { OwnerDesk, OwnerParts } from "../rpc/owner-parts.ts";
import { createExperienceSite, type ExperienceFile } from "./experience-site.ts";
import type { Hosts } from "./hosts.ts";
import type { Handlers } from "./listen.ts";
import { Login } from "./login.ts";
import type { Metrics } from "./metrics.ts";
import { OpenExperiences } from "./open-experiences.ts";
import type { OwnerKeys } from "./owner-keys.ts";
import { createShellSite } from "./shell-site.ts";
import { createSiteSwitch } from "./site-switch.ts";
import type { SiteFiles } from "./site-files.ts";
import { Sockets } from "./sockets.ts";
import { Tickets } from "./tickets.ts";

/** What the web needs of a twin. */
export interface TwinWebParts {
  /** `about.webUrl` may ask this web for its `url` once it is open. */
  readonly owner: OwnerParts;
  /** The same that `owner.browsers` is. */
  readonly ownerKeys: OwnerKeys;
  /** The installed file of that path in that experience, or undefined. */
  readonly experienceFile: (name: string, path: string) => Promise<ExperienceFile | undefined>;
  /** Called when somebody begins to use the web; the answer ends that use. Absent for a twin that is always open. */
  readonly hold?: (() => () => void) | undefined;
}

/** What all twins of a host have in common. */
export interface SharedWebParts {
  /** The shell's own. */
  readonly shellFiles: SiteFiles;
  readonly libraries: SiteFiles;
  readonly metrics: Metrics;
  /** Who shows it may read the metrics over HTTP, from this machine. Absent: nobody. */
  readonly metricsToken?: string | undefined;
  readonly random: Random;
  readonly log: Log;
}

/** One twin's web. Disposing it ends its sockets. */
export interface TwinWeb extends AsyncDisposable {
  /** Where browsers find the desktop: `http://localhost:PORT`, or `http://NAME.localhost:PORT`. */
  readonly url: string;
  /** For requests that its {@link Hosts} know. */
  readonly handlers: Handlers;
  /** A fresh link that logs one browser in, once, within the hour. */
  loginLink(): Promise<string>;
  /** A desk for a connection that does not come through this server: the local socket's. The caller disposes it. */
  createDesk(): OwnerDesk;
}

/** The web of the twin whose sites `hosts` are. */
export async function createTwinWeb(hosts: Hosts, twin: TwinWebParts, shared: SharedWebParts): Promise<TwinWeb> {
  const { owner, ownerKeys, experienceFile: file } = twin;
  const { random, log, libraries, metrics, metricsToken } = shared;
  const login = new Login({ keys: ownerKeys, clock: owner.clock, random });
  const tickets = new Tickets({ clock: owner.clock, random });
  const open = new OpenExperiences({ random, tickets });
  const handshake = { keys: ownerKeys, clock: owner.clock, random, origin: hosts.shellOrigin };
  const sockets = new Sockets({ owner, open, handshake, clock: owner.clock, log });
  const experience = createExperienceSite({ hosts, open, file, libraries, log });
  const shell = await createShellSite({
    hosts,
    health: { owner, metrics, metricsToken },
    login,
    sockets,
    open,
    file,
    tickets,
    log,
    clock: owner.clock,
    random,
    vault: owner.vault,
    changes: owner.changes,
    experiences: () => owner.experiences.list(),
    files: new Map([...shared.shellFiles, ...libraries]),
  });
  const stack = new AsyncDisposableStack();
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  /** A link lives in memory. */
  const holdLogin = (): void => {
    const release = twin.hold?.();
    if (release === undefined) return;
    owner.clock.sleep(LIMITS.web.loginTokenLifetimeMs, { signal: stop.signal }).then(release, release);
  };
  stack.defer(() => shell.close());
  stack.defer(() => experience.close());
  // Ended first, with a reason: the router would close them without one.
  stack.use(sockets);
  await Promise.all([shell.ready(), experience.ready()]);
  return {
    url: hosts.shellOrigin,
    handlers: held(createSiteSwitch({ hosts, shell, experience }), twin.hold),
    loginLink: () => {
      holdLogin();
      return Promise.resolve(`${hosts.shellOrigin}/#login=${login.issue()}`);
    },
    createDesk: () => open.createDesk(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** The handlers, which hold the twin as long as a request is answered or a socket is open. */
function held(handlers: Handlers, hold: TwinWebParts["hold"]): Handlers {
  if (hold === undefined) return handlers;
  const holdFor = (user: Pick<Writable, "closed" | "once">): void => {
    if (!user.closed) user.once("close", hold());
  };
  return {
    request: (request, response) => {
      holdFor(response);
      handlers.request(request, response);
    },
    upgrade: (request, socket, head) => {
      holdFor(socket);
      handlers.upgrade(request, socket, head);
    },
    clientError: handlers.clientError,
  };
}
