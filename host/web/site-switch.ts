// Gives each request to the site that its `Host` header names, with that site's headers already set:
// no route, error or refusal can leave without them.

import { STATUS_CODES, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import type { FastifyInstance } from "fastify";

import { TwinError } from "../base/errors.ts";
import { HEALTH_PATHS } from "./health-routes.ts";
import type { Hosts } from "./hosts.ts";
import type { Handlers } from "./listen.ts";
import { experienceHeaders, type Headers, shellHeaders } from "./site-headers.ts";

const MISDIRECTED = 421;

/** The two routers, ready. */
export interface Sites {
  readonly hosts: Hosts;
  readonly shell: FastifyInstance;
  readonly experience: FastifyInstance;
}

/** Handlers for the listening servers. */
export function createSiteSwitch(sites: Sites): Handlers {
  const headers = { experience: experienceHeaders(sites.hosts), shell: shellHeaders() };
  return {
    request: (request, response) => {
      const site = sites.hosts.siteOf(request.headers.host);
      setHeaders(response, site.kind === "experience" ? headers.experience : headers.shell);
      if (site.kind === "experience") sites.experience.routing(request, response);
      else if (site.kind === "shell" || (site.kind !== "unknown" && HEALTH_PATHS.has(request.url ?? "")))
        sites.shell.routing(request, response);
      else if (site.kind === "alias" && (request.method === "GET" || request.method === "HEAD"))
        redirect(response, `${sites.hosts.shellOrigin}${request.url}`);
      else refuse(response, misdirected(sites.hosts));
    },
    upgrade: (request, socket, head) => {
      const site = sites.hosts.siteOf(request.headers.host);
      if (site.kind === "shell") sites.shell.server.emit("upgrade", request, socket, head);
      else endRaw(socket, 403, site.kind === "experience" ? headers.experience : headers.shell);
    },
    // Whose request it was is not known: the stricter headers fit both.
    clientError: (_error, socket) => endRaw(socket, 400, headers.experience),
  };
}

function setHeaders(response: ServerResponse, headers: Headers): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(308, { Location: location }).end();
}

function refuse(response: ServerResponse, error: TwinError): void {
  // The body, if there is one, is not read: the connection ends with the answer.
  response.writeHead(MISDIRECTED, { "Content-Type": "application/json; charset=utf-8", Connection: "close" });
  response.end(JSON.stringify(error.toWire()));
}

/** Answers on a socket that no server response stands for. */
function endRaw(socket: Duplex, status: number, headers: Headers): void {
  const lines = Object.entries({ ...headers, "Content-Length": "0", Connection: "close" });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.on("error", () => {});
  if (socket.writable) socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n`);
  else socket.destroy();
}

function misdirected(hosts: Hosts): TwinError {
  const port = hosts.shellHost.split(":")[1] ?? "80";
  return new TwinError(
    "TWIN_ORIGIN_REFUSED",
    `The desktop answers at ${hosts.shellOrigin} only. From another machine: ssh -L ${port}:localhost:${port} HOST, then open that address.`,
  );
}
