// A small OCI registry in this process (distribution specification 1.1), with what a hostile one may do.

import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What is unusual about it. */
interface RegistryManners {
  /** Wants a token, for which this name and password are asked. */
  readonly login?: { readonly user: string; readonly password: string };
  /** Wants name and password with every request. */
  readonly basic?: boolean;
  /** Answers with this in the place of a blob. */
  readonly blob?: Buffer;
  /** Answers with this in the place of a manifest. */
  readonly manifest?: string;
  /** Leads downloads of blobs there. */
  readonly blobsAt?: string;
}

/** A running registry. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  manners: RegistryManners;
  /** Manifests by `REPOSITORY:TAG` and by digest. */
  readonly manifests: Map<string, Buffer>;
  readonly blobs: Map<string, Buffer>;
  /** `METHOD PATH`, in order. */
  readonly requests: string[];
  /** What the last request said of who asks. */
  lastAuthorization: string | undefined;
}

/** Opens an empty one. */
export async function openTestRegistry(): Promise<TestRegistry> {
  const server = createServer((request, response) => {
    void serve(registry, request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const registry: TestRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    manners: {},
    manifests: new Map(),
    blobs: new Map(),
    requests: [],
    lastAuthorization: undefined,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return registry;
}

async function serve(registry: TestRegistry, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "GET" } = request;
  const url = new URL(request.url ?? "/", `http://${registry.host}`);
  const { pathname } = url;
  registry.requests.push(`${method} ${pathname}`);
  registry.lastAuthorization = request.headers.authorization;
  const body = await buffer(request);
  if (pathname === "/token") return giveToken(registry, request, response);
  if (!isLetIn(registry, request)) return challenge(registry, response);
  const [, kind, name] = /^\/v2\/(?:.+?)\/(manifests|blobs)\/(.+)$/u.exec(pathname) ?? [];
  const repository = pathname.slice(4, pathname.lastIndexOf(`/${kind ?? ""}/`));
  if (kind === "manifests" && method === "PUT")
    return putManifest(registry, response, { repository, name: name!, body });
  if (kind === "manifests") return giveManifest(registry, response, { repository, name: name! });
  if (name === "uploads/") {
    response.writeHead(202, { location: `/v2/${repository}/blobs/uploads/${randomUUID()}?state=x` }).end();
    return;
  }
  if (method === "PUT") return putBlob(registry, response, { digest: url.searchParams.get("digest")!, body });
  giveBlob(registry, response, name ?? "");
}

function isLetIn({ manners }: TestRegistry, { headers }: IncomingMessage): boolean {
  if (manners.login === undefined) return true;
  return headers.authorization === (manners.basic === true ? basicOf(manners.login) : "Bearer secret-token");
}

function basicOf({ user, password }: { readonly user: string; readonly password: string }): string {
  return `Basic ${btoa(`${user}:${password}`)}`;
}

function challenge({ host, manners }: TestRegistry, response: ServerResponse): void {
  const bearer = `Bearer realm="http://${host}/token",service="test",scope="repository:ada/probe:pull,push"`;
  response.writeHead(401, { "www-authenticate": manners.basic === true ? 'Basic realm="test"' : bearer }).end();
}

function giveToken({ manners }: TestRegistry, { headers, url }: IncomingMessage, response: ServerResponse): void {
  const isKnown = manners.login !== undefined && headers.authorization === basicOf(manners.login);
  const asks = new URL(url!, "http://x").searchParams;
  const isWhole = asks.get("service") === "test" && asks.get("scope") === "repository:ada/probe:pull,push";
  response.writeHead(isKnown && isWhole ? 200 : 401).end(JSON.stringify({ token: "secret-token" }));
}

function putManifest(
  { manifests, blobs }: TestRegistry,
  response: ServerResponse,
  { repository, name, body }: { readonly repository: string; readonly name: string; readonly body: Buffer },
): void {
  const { config, layers } = JSON.parse(body.toString()) as { config: Named; layers: Named[] };
  if (![config, ...layers].every(({ digest }) => blobs.has(digest))) {
    response.writeHead(400).end();
    return;
  }
  manifests.set(`${repository}:${name}`, body);
  manifests.set(`${repository}:${digestOf(body)}`, body);
  response.writeHead(201).end();
}

interface Named {
  readonly digest: string;
}

function giveManifest(
  { manifests, manners }: TestRegistry,
  response: ServerResponse,
  { repository, name }: { readonly repository: string; readonly name: string },
): void {
  const kept = manifests.get(`${repository}:${name}`);
  const manifest = manners.manifest === undefined ? kept : Buffer.from(manners.manifest);
  if (manifest === undefined) response.writeHead(404).end();
  else response.writeHead(200, { "docker-content-digest": digestOf(manifest) }).end(manifest);
}

function putBlob(
  { blobs }: TestRegistry,
  response: ServerResponse,
  { digest, body }: { readonly digest: string; readonly body: Buffer },
): void {
  const isWhole = digestOf(body) === digest;
  if (isWhole) blobs.set(digest, body);
  response.writeHead(isWhole ? 201 : 400).end();
}

function giveBlob({ blobs, manners }: TestRegistry, response: ServerResponse, digest: string): void {
  if (manners.blobsAt !== undefined) {
    response.writeHead(307, { location: manners.blobsAt }).end();
    return;
  }
  const blob = blobs.has(digest) ? (manners.blob ?? blobs.get(digest)) : undefined;
  response.writeHead(blob === undefined ? 404 : 200).end(blob);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
