// The host of an open experience: its files, and nothing that could be more than a file
// (docs/formats/web.md, section 6). The headers that isolate it are set before this code runs.

import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";

import { concatBytes, utf8Encode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Hosts } from "./hosts.ts";
import { preparePage } from "./import-maps.ts";
import type { OpenExperiences } from "./open-experiences.ts";
import { answerBadUrl, answerErrors } from "./error-answers.ts";
import type { SiteFiles } from "./site-files.ts";
import { experiencePolicy } from "./site-headers.ts";

/**
 * Takes WebRTC, and asking the person for links of a kind, out of the realm before a line of the experience runs:
 * Firefox has no header for the one, and asks even for a sandboxed frame. On the file's first line, so that line
 * numbers stay.
 */
const SCRIPT_PREFIX = utf8Encode(
  "try{for(const n of Object.getOwnPropertyNames(globalThis))if(/^(moz|webkit)?RTC/.test(n))delete globalThis[n];" +
    "delete Navigator.prototype.registerProtocolHandler}catch{};",
);
/** Whatever a browser may take for a script (MIME Sniffing Standard, section 4.6). */
const SCRIPT_TYPE = /(java|ecma|j|live)script/i;
const PAGE_TYPE = /^text\/html\b/i;

/** A file of an experience, whole: experiences are small (`LIMITS.packages.experienceSizeBytes`). */
export interface ExperienceFile {
  readonly bytes: Uint8Array;
  readonly type: string;
}

/** What the site needs. */
export interface ExperienceSiteParts {
  readonly hosts: Hosts;
  readonly open: OpenExperiences;
  /** The installed file of that path in that experience, or undefined. */
  readonly file: (name: string, path: string) => Promise<ExperienceFile | undefined>;
  readonly libraries: SiteFiles;
  readonly log: Log;
}

/** A router for all experiences' hosts; it never listens itself. */
export function createExperienceSite(parts: ExperienceSiteParts): FastifyInstance {
  const app = fastify({ logger: false, exposeHeadRoutes: false, frameworkErrors: answerBadUrl });
  answerErrors(app, parts.log);
  app.addHook("onRequest", async (request, reply) => {
    // A page of its own would not sit in the frame that holds it.
    if (request.headers["sec-fetch-dest"] === "document")
      throw new TwinError("TWIN_ORIGIN_REFUSED", "An experience opens in the desktop only, not as a page of its own.");
    if (request.method === "GET" || request.method === "HEAD") return;
    await reply.code(405).header("Allow", "GET, HEAD").send();
  });
  app.route({ method: ["GET", "HEAD"], url: "*", handler: (request, reply) => answer(parts, request, reply) });
  return app;
}

async function answer(parts: ExperienceSiteParts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const site = parts.hosts.siteOf(request.headers.host);
  const open = site.kind === "experience" ? parts.open.find(site.token) : undefined;
  if (site.kind !== "experience" || open?.experience.name !== site.name) throw notOpen();
  // Decoded once, by the router.
  const path = (request.params as { readonly "*": string })["*"];
  const file = path.startsWith("/-/")
    ? parts.libraries.get(path)
    : await parts.file(site.name, path === "/" ? open.experience.start : path.slice(1));
  if (file === undefined) throw new TwinError("TWIN_PATH_UNKNOWN", "The experience has no file of that path.");
  reply.header("Content-Type", file.type);
  if (SCRIPT_TYPE.test(file.type)) return await reply.send(concatBytes(SCRIPT_PREFIX, file.bytes));
  if (!PAGE_TYPE.test(file.type)) return await reply.send(asBuffer(file.bytes));
  const page = preparePage(file.bytes);
  reply.header("Content-Security-Policy", experiencePolicy(parts.hosts, page.scriptHashes));
  return await reply.send(asBuffer(page.bytes));
}

/** Fastify sends a Buffer as it is, and would take a plain Uint8Array for JSON in older versions. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function notOpen(): TwinError {
  return new TwinError("TWIN_EXPERIENCE_UNKNOWN", "No experience is open here: open it in the desktop.");
}
