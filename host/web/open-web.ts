// The web server: desktops and experiences for the owners' browsers. The host's first twin is at
// `localhost`, each other one at a name of its own below it.

import { join } from "node:path";

import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { OwnerDesk } from "../rpc/owner-parts.ts";
import type { TwinId } from "../identity/twin-id.ts";
import { createHosts, twinNameOf } from "./hosts.ts";
import { type Handlers, openListener } from "./listen.ts";
import type { Metrics } from "./metrics.ts";
import { withRecords } from "./record-route.ts";
import { readLibraryFiles, readShellFiles } from "./site-files.ts";
import { createTwinWeb, type SharedWebParts, type TwinWeb, type TwinWebParts } from "./twin-web.ts";

/** What the web needs of the host. */
export interface WebOptions extends TwinWebParts {
  /** The other twin of that name, opened; undefined when there is none. Asked again after it rejected. */
  readonly otherTwin?: ((name: string) => Promise<TwinWebParts | undefined>) | undefined;
  /** The signed record of the twin of that id, if it lives here and its owner has it served to anybody. */
  readonly servedRecord?: ((twin: TwinId) => Promise<Uint8Array | undefined>) | undefined;
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
  /** `http://localhost:PORT`: where browsers find the first twin's desktop. */
  readonly url: string;
  readonly port: number;
  /** A fresh link that logs one browser in, once, within the hour. */
  loginLink(): Promise<string>;
  /** A desk for a connection that does not come through this server: the local socket's. The caller disposes it. */
  createDesk(): OwnerDesk;
  /** The web of another twin; undefined when there is none of that name. */
  other(name: string): Promise<Pick<TwinWeb, "url" | "loginLink" | "createDesk"> | undefined>;
  /** Ends the web of another twin, which is made again when it is asked for. Nobody may be using it. */
  closeOther(name: string): Promise<void>;
  /** Where browsers find the desktop of another twin. */
  otherUrl(name: string): string;
}

/** Listens. Throws `TWIN_HOST_PORT` when it cannot, and `TWIN_HOST_FOLDER` when the installation is not whole. */
export async function openWeb(options: WebOptions): Promise<Web> {
  const [shellFiles, libraries] = await Promise.all([
    readShellFiles(join(options.assetFolder, "shell")),
    readLibraryFiles(join(options.assetFolder, "client")),
  ]);
  // It takes others in for as long as the web is open.
  const webs = new AsyncDisposableStack();
  await using opening = new AsyncDisposableStack();
  opening.use(webs);
  const { first, others, listener } = await listenFor(webs, options, { ...options, shellFiles, libraries });
  opening.move();
  return {
    url: first.url,
    port: listener.port,
    loginLink: () => first.loginLink(),
    createDesk: () => first.createDesk(),
    other: others.find,
    closeOther: others.close,
    otherUrl: (name) => createHosts(listener.port, options.host, name).shellOrigin,
    [Symbol.asyncDispose]: async () => {
      // Sockets end before the listener, which waits for them.
      await webs.disposeAsync();
      await listener[Symbol.asyncDispose]();
    },
  };
}

/** Webs of other twins, made when they are asked for. Disposing it ends them. */
interface OtherWebs extends AsyncDisposable {
  readonly find: (name: string) => Promise<TwinWeb | undefined>;
  readonly close: (name: string) => Promise<void>;
}

async function listenFor(
  webs: AsyncDisposableStack,
  options: WebOptions,
  shared: SharedWebParts,
): Promise<{
  readonly first: TwinWeb;
  readonly others: OtherWebs;
  readonly listener: Awaited<ReturnType<typeof openListener>>;
}> {
  const made = Promise.withResolvers<{ readonly first: TwinWeb; readonly others: OtherWebs }>();
  const listener = await openListener({ address: options.host, port: options.port }, async (port) => {
    const first = webs.use(await createTwinWeb(createHosts(port, options.host), options, shared));
    const others = webs.use(createOtherWebs(options, { port, shared }));
    made.resolve({ first, others });
    const handlers = createTwinSwitch({ port, first: first.handlers, others, log: options.log });
    return withRecords(handlers, options.servedRecord, options.log);
  });
  return { ...(await made.promise), listener };
}

function createOtherWebs(
  { otherTwin, host }: WebOptions,
  { port, shared }: { readonly port: number; readonly shared: SharedWebParts },
): OtherWebs {
  const known = new Map<string, Promise<TwinWeb | undefined>>();
  const make = async (name: string): Promise<TwinWeb | undefined> => {
    const twin = await otherTwin?.(name);
    return twin && (await createTwinWeb(createHosts(port, host, name), twin, shared));
  };
  const find: OtherWebs["find"] = async (name) => {
    const web = known.getOrInsertComputed(name, make);
    try {
      const found = await web;
      // One may be made under that name later.
      if (found === undefined) known.delete(name);
      return found;
    } catch (thrown) {
      known.delete(name);
      throw thrown;
    }
  };
  const close: OtherWebs["close"] = async (name) => {
    const web = known.get(name);
    known.delete(name);
    await (await web?.catch(() => undefined))?.[Symbol.asyncDispose]();
  };
  return {
    find,
    close,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...known.keys()].map(close));
    },
  };
}

/** Gives each request to the twin that its `Host` header names; what names none is the first one's to refuse. */
function createTwinSwitch(parts: {
  readonly port: number;
  readonly first: Handlers;
  readonly others: OtherWebs;
  readonly log: Log;
}): Handlers {
  const { port, first, others, log } = parts;
  const handlersOf = async (name: string): Promise<Handlers> => {
    try {
      return (await others.find(name))?.handlers ?? first;
    } catch (thrown) {
      log.error({ err: thrown }, "A twin could not be opened for a browser.");
      return first;
    }
  };
  return {
    request: (request, response) => {
      const name = twinNameOf(request.headers.host, port);
      if (name === undefined) first.request(request, response);
      else void handlersOf(name).then((handlers) => handlers.request(request, response));
    },
    upgrade: (request, socket, head) => {
      const name = twinNameOf(request.headers.host, port);
      if (name === undefined) return first.upgrade(request, socket, head);
      // It may break while nobody has it yet.
      socket.on("error", () => {});
      void handlersOf(name).then((handlers) => handlers.upgrade(request, socket, head));
    },
    clientError: first.clientError,
  };
}
