// The shell's host: the owner's page, its login and sockets, wrapper pages, transfers
// (docs/formats/web.md, sections 2 to 5). Its headers are set before this code runs.

import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import fastifyWebsocket from "@fastify/websocket";

import { TwinError } from "../base/errors.ts";
import { LIMITS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { ExperienceInfo } from "../packages/experience.ts";
import { answerBadUrl, answerErrors } from "./error-answers.ts";
import type { ExperienceFile } from "./experience-site.ts";
import { addHealthRoutes, type HealthParts } from "./health-routes.ts";
import type { Hosts } from "./hosts.ts";
import type { Login } from "./login.ts";
import { addObjectRoutes } from "./object-routes.ts";
import type { OpenExperiences } from "./open-experiences.ts";
import type { SiteFile, SiteFiles } from "./site-files.ts";
import { IMAGE_POLICY, shellPolicy } from "./site-headers.ts";
import type { Sockets } from "./sockets.ts";
import { addUploadRoutes, type UploadRouteParts } from "./upload-routes.ts";
import { wrapperPage } from "./wrapper.ts";

const LOGIN_SIZE_BYTES_MAX = 4_096;

/** What the site needs. */
export interface ShellSiteParts extends Omit<UploadRouteParts, "origin"> {
  readonly hosts: Hosts;
  readonly health: HealthParts;
  readonly login: Login;
  readonly sockets: Sockets;
  readonly open: OpenExperiences;
  readonly experiences: () => Promise<readonly ExperienceInfo[]>;
  readonly file: (name: string, path: string) => Promise<ExperienceFile | undefined>;
  /** The shell's own files and the libraries. */
  readonly files: SiteFiles;
  readonly log: Log;
}

/** The router of the shell's host; it never listens itself. */
export async function createShellSite(parts: ShellSiteParts): Promise<FastifyInstance> {
  const app = fastify({ logger: false, bodyLimit: LOGIN_SIZE_BYTES_MAX, frameworkErrors: answerBadUrl });
  answerErrors(app, parts.log);
  await app.register(fastifyWebsocket, {
    options: { maxPayload: LIMITS.rpc.frameSizeBytes, perMessageDeflate: false },
    errorHandler: (_error, socket) => socket.terminate(),
  });
  app.addHook("onRequest", async (request) => refuseForeign(request, parts.hosts));
  for (const [path, file] of parts.files) app.get(path, (request, reply) => sendFile(parts, file, request, reply));
  addHealthRoutes(app, parts.health);
  app.get<{ Params: { name: string } }>("/icons/:name", (request, reply) =>
    sendIcon(parts, request.params.name, reply),
  );
  app.get<{ Params: { token: string } }>("/wrapper/:token", (request, reply) => sendWrapper(parts, request, reply));
  app.post("/login", async (request) => {
    requireOrigin(request, parts.hosts);
    return { key: await parts.login.exchange(request.body) };
  });
  app.get("/rpc", { websocket: true, preValidation: requireSocket(parts.hosts) }, (socket) =>
    parts.sockets.serveOwner(socket),
  );
  app.get<{ Params: { token: string } }>(
    "/door/:token",
    { websocket: true, preValidation: requireSocket(parts.hosts) },
    (socket, request) => parts.sockets.serveDoor(socket, request.params.token),
  );
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _body, done) => done(null));
    addUploadRoutes(scope, { ...parts, origin: parts.hosts.shellOrigin });
  });
  await app.register(async (scope) => {
    // Bodies of uploads stay streams, whatever their type claims to be.
    scope.removeAllContentTypeParsers();
    scope.addHook("onRequest", async (request) => {
      delete request.raw.headers["content-type"];
    });
    scope.addContentTypeParser("*", (_request, _body, done) => done(null));
    addObjectRoutes(scope, parts);
  });
  return app;
}

/** Other sites may link to the front page and nothing else (Fetch Metadata, "resource isolation policy"). */
function refuseForeign(request: FastifyRequest, hosts: Hosts): void {
  const site = request.headers["sec-fetch-site"];
  if (site === undefined || site === "same-origin" || site === "none") return;
  const isVisit = request.headers["sec-fetch-dest"] === "document" && request.method === "GET";
  if (!isVisit || request.url.split("?", 1)[0] !== "/")
    throw new TwinError("TWIN_ORIGIN_REFUSED", `Only pages of ${hosts.shellOrigin} may ask for this.`);
}

function requireOrigin(request: FastifyRequest, hosts: Hosts): void {
  if (request.headers.origin !== hosts.shellOrigin)
    throw new TwinError("TWIN_ORIGIN_REFUSED", `Only pages of ${hosts.shellOrigin} may ask for this.`);
}

function requireSocket(hosts: Hosts): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    requireOrigin(request, hosts);
    if (!request.ws) throw new TwinError("TWIN_PATH_UNKNOWN", "This path is for WebSockets.");
  };
}

function sendFile(parts: ShellSiteParts, file: SiteFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers({ "Cache-Control": "no-cache", ETag: file.etag });
  // Before the 304, whose headers replace those that the browser has kept.
  if (file.type.startsWith("text/html"))
    reply.header("Content-Security-Policy", shellPolicy(parts.hosts, file.scriptHashes));
  if (request.headers["if-none-match"] === file.etag) return reply.code(304).send();
  return reply.type(file.type).send(Buffer.from(file.bytes));
}

async function sendIcon(parts: ShellSiteParts, name: string, reply: FastifyReply): Promise<FastifyReply> {
  const experience = (await parts.experiences()).find((candidate) => candidate.name === name);
  const icon = experience === undefined ? undefined : await parts.file(name, experience.icon);
  if (icon === undefined || !icon.type.startsWith("image/"))
    throw new TwinError("TWIN_PATH_UNKNOWN", "No experience of that name has an icon.");
  reply.headers({ "Content-Security-Policy": IMAGE_POLICY, "Content-Type": icon.type });
  return await reply.send(Buffer.from(icon.bytes));
}

function sendWrapper(
  parts: ShellSiteParts,
  request: FastifyRequest<{ Params: { token: string } }>,
  reply: FastifyReply,
): FastifyReply {
  const open = parts.open.find(request.params.token);
  const dest = request.headers["sec-fetch-dest"];
  if (open === undefined || (dest !== undefined && dest !== "iframe"))
    throw new TwinError("TWIN_EXPERIENCE_UNKNOWN", "No experience is open here: open it in the desktop.");
  const { name, start } = open.experience;
  const { html, policy } = wrapperPage(parts.hosts.experienceOrigin(name, open.token), start);
  return reply.header("Content-Security-Policy", policy).type("text/html; charset=utf-8").send(html);
}
