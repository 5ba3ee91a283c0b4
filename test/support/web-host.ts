// A real web server over fakes of the engine and the vault, and a browser's side of its protocol.

import { newWebSocketRpcSession, type RpcStub } from "capnweb";

import { base64UrlEncode, utf8Encode } from "../../host/base/bytes.ts";
import { silentLog } from "../../host/base/log.ts";
import { systemRandom } from "../../host/base/random.ts";
import { createPackageExchange } from "../../host/package-exchange.ts";
import type { ExperienceInfo } from "../../host/packages/experience.ts";
import { OfferShelf } from "../../host/packages/offer-shelf.ts";
import type { DoorApi, OwnerApi } from "../../host/rpc/api.ts";
import { createChangeHub } from "../../host/rpc/change-hub.ts";
import type { OwnerParts } from "../../host/rpc/owner-parts.ts";
import type { ExperienceFile } from "../../host/web/experience-site.ts";
import { createMetrics } from "../../host/web/metrics.ts";
import { openWeb, type Web, type WebOptions } from "../../host/web/open-web.ts";
import { createOwnerKeys, type OwnerKeys } from "../../host/web/owner-keys.ts";
import { challengeText } from "../../host/web/proven-socket.ts";
import { createFakeEngine, type FakeEngine, type FakeMethod } from "./fake-engine.ts";
import { ask, type HttpAnswer } from "./http-request.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { createMemoryVault } from "./memory-vault.ts";
import { referenceKernels } from "./reference-kernels.ts";

/** With which the metrics can be read. */
export const METRICS_TOKEN = "a-token-of-the-tests";

/** The files of the one experience, `notes`. */
const FILES: Readonly<Record<string, readonly [type: string, text: string]>> = {
  "index.html": [
    "text/html; charset=utf-8",
    '<!doctype html><script type="importmap">{ "imports": {"preact": "/-/preact.js"}, "evil": 1 }</script><script>alert(1)</script><script type="module" src="app.js"></script>',
  ],
  "app.js": ["text/javascript; charset=utf-8", "export const line = 1;\n"],
  "icon.svg": ["image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>"],
  "sub/page.html": ["text/html; charset=utf-8", "<p>sub</p>"],
  "data.json": ["application/json", "{}"],
};

/** What the owner's target says of a host without network. */
export interface TestParts extends OwnerParts {
  readonly engine: FakeEngine;
  readonly vault: ReturnType<typeof createMemoryVault>;
  readonly clock: ManualClock;
  readonly browsers: OwnerKeys;
}

/** What clients of a web need to know of it. */
export type WebDoor = Pick<Web, "url" | "port" | "loginLink">;

/** Parts of a host with the experience `notes`. */
export function createTestParts(methods: Readonly<Record<string, FakeMethod>> = {}): TestParts {
  const engine = createFakeEngine({ "echo.echo": (params) => params, ...methods });
  const clock = createManualClock();
  let installed = [createExperience("notes"), createExperience("other")];
  return {
    about: {
      twin: "did:key:z6MkTest",
      version: "0.0.0",
      startedAtMs: 0,
      name: () => "Ada",
      webUrl: () => "",
      kernels: {
        lanesChosenBy: "config",
        lanes: { sha256: [{ upToSizeBytes: null, lane: "native" }] },
        workersChosenBy: "cores",
        workers: 1,
      },
      memorySizeBytes: () => 1,
    },
    engine,
    vault: createMemoryVault(),
    packages: createPackageExchange({
      shelf: new OfferShelf({ table: engine, kernels: referenceKernels, clock }),
      kernels: referenceKernels,
      peers: undefined,
    }),
    experiences: {
      list: async () => installed,
      install: async (folder) => createExperience(folder.slice(folder.lastIndexOf("/") + 1)),
      remove: async (name) => {
        installed = installed.filter((experience) => experience.name !== name);
      },
    },
    browsers: createOwnerKeys({ engine, clock }),
    changes: createChangeHub(),
    clock,
  };
}

/** A listening server on a free port. */
export async function openTestWeb(
  parts: TestParts = createTestParts(),
  over: Partial<Pick<WebOptions, "host" | "metricsToken" | "otherTwin">> = {},
): Promise<Web & { readonly parts: TestParts }> {
  const web = await openWeb({
    owner: parts,
    ownerKeys: parts.browsers,
    experienceFile: async (name, path) => {
      if (path === "broken.js") throw new Error("the disk is on fire at /home/ada");
      return name === "notes" ? fileOf(path) : undefined;
    },
    host: "localhost",
    port: 0,
    assetFolder: new URL("../../host/web", import.meta.url).pathname,
    metrics: createMetrics(() => [parts]),
    metricsToken: METRICS_TOKEN,
    random: systemRandom,
    log: silentLog,
    ...over,
  });
  return { ...web, parts };
}

function fileOf(path: string): ExperienceFile | undefined {
  const found = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  return found === undefined ? undefined : { type: found[0], bytes: utf8Encode(found[1]) };
}

function createExperience(name: string): ExperienceInfo {
  return {
    name,
    version: "1.0.0",
    title: name,
    description: "",
    icon: "icon.svg",
    start: "index.html",
    needs: [],
    objects: [],
    hash: "00",
    sizeBytes: 1,
    installedAtMs: 0,
  };
}

/** A browser's key, as the page keeps it. */
export interface BrowserKey {
  readonly algorithm: "Ed25519" | "ES256";
  readonly pair: CryptoKeyPair;
  readonly publicKey: string;
  /** Given by the server at login. */
  id: string;
}

/** A fresh key that no host knows. */
export async function createBrowserKey(algorithm: BrowserKey["algorithm"] = "Ed25519"): Promise<BrowserKey> {
  const parameters = algorithm === "Ed25519" ? { name: "Ed25519" } : { name: "ECDSA", namedCurve: "P-256" };
  const pair = (await crypto.subtle.generateKey(parameters, false, ["sign", "verify"])) as CryptoKeyPair;
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { algorithm, pair, publicKey: base64UrlEncode(raw), id: "" };
}

/** `POST /login` as the page sends it; `change` alters the body or the headers. */
export function postLogin(
  web: WebDoor,
  key: BrowserKey,
  change: { readonly token?: string; readonly body?: object; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<HttpAnswer> {
  const { token = "", body = {}, headers = {} } = change;
  return ask({
    port: web.port,
    host: new URL(web.url).host,
    path: "/login",
    method: "POST",
    headers: { origin: web.url, "content-type": "application/json", "sec-fetch-site": "same-origin", ...headers },
    body: JSON.stringify({ token, algorithm: key.algorithm, publicKey: key.publicKey, label: "Test", ...body }),
  });
}

/** The token of a link. */
export async function freshToken(web: WebDoor): Promise<string> {
  return (await web.loginLink()).split("#login=")[1]!;
}

/** A browser that is logged in. */
export async function logIn(web: WebDoor, key?: BrowserKey): Promise<BrowserKey> {
  const made = key ?? (await createBrowserKey());
  const answer = await postLogin(web, made, { token: await freshToken(web) });
  if (answer.status !== 200) throw new Error(answer.text);
  made.id = (JSON.parse(answer.text) as { key: string }).key;
  return made;
}

/** How a handshake ended: an open socket, or how it was closed. */
export type Handshake = { readonly socket: WebSocket } | { readonly code: number; readonly reason: string };

/** Opens `path` and answers the challenge; `change` alters what is signed or sent. */
export async function openSocket(
  web: WebDoor,
  key: BrowserKey,
  path: string,
  change: {
    readonly origin?: string | null;
    readonly signedPath?: string;
    readonly answer?: (text: string) => string;
  } = {},
): Promise<Handshake> {
  const { origin = web.url, signedPath = path, answer = (text: string) => text } = change;
  const headers: Record<string, string> = origin === null ? {} : { origin };
  // Node's WebSocket takes headers, a browser's does not.
  const options = { headers } as unknown as string[];
  const socket = new WebSocket(`ws://${new URL(web.url).host}${path}`, options);
  const { promise, resolve } = Promise.withResolvers<Handshake>();
  socket.onclose = ({ code, reason }) => resolve({ code, reason });
  socket.onmessage = async ({ data }) => {
    const message = JSON.parse(data as string) as { challenge?: string; welcome?: boolean };
    if (message.challenge !== undefined) {
      socket.send(
        answer(JSON.stringify(await signChallenge(web, key, { path: signedPath, nonce: message.challenge }))),
      );
    } else if (message.welcome === true) {
      socket.onmessage = null;
      resolve({ socket });
    }
  };
  return await promise;
}

/** The answer to a challenge. */
export async function signChallenge(
  web: WebDoor,
  key: BrowserKey,
  what: { path: string; nonce: string },
): Promise<object> {
  const text = challengeText(web.url, what.path, { key: key.id, nonce: what.nonce });
  const algorithm = key.algorithm === "Ed25519" ? { name: "Ed25519" } : { name: "ECDSA", hash: "SHA-256" };
  const signature = await crypto.subtle.sign(algorithm, key.pair.privateKey, new Uint8Array(text));
  return { key: key.id, signature: base64UrlEncode(new Uint8Array(signature)) };
}

/** An open, proven socket. */
export async function openProven(web: WebDoor, key: BrowserKey, path: string): Promise<WebSocket> {
  const handshake = await openSocket(web, key, path);
  if ("socket" in handshake) return handshake.socket;
  throw new Error(`${handshake.code} ${handshake.reason}`);
}

/** The owner's interface over a socket. */
export async function openOwner(
  web: WebDoor,
  key: BrowserKey,
): Promise<{ owner: RpcStub<OwnerRemote>; socket: WebSocket }> {
  const socket = await openProven(web, key, "/rpc");
  return { owner: newWebSocketRpcSession<OwnerRemote>(socket), socket };
}

/** A door's interface over a socket. */
export async function openDoor(
  web: WebDoor,
  key: BrowserKey,
  doorPath: string,
): Promise<{ door: RpcStub<DoorRemote>; socket: WebSocket }> {
  const socket = await openProven(web, key, doorPath);
  return { door: newWebSocketRpcSession<DoorRemote>(socket), socket };
}

/** How a socket was closed. */
export function closeOf(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => socket.addEventListener("close", ({ code }) => resolve(code), { once: true }));
}

type OwnerRemote = { [Name in keyof OwnerApi]: OwnerApi[Name] };
type DoorRemote = { [Name in keyof DoorApi]: DoorApi[Name] };
