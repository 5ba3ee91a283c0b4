// HTTP to one repository of an OCI registry: TLS unless it is on this machine, tokens as the registry
// asks for them, answers of bounded size. A registry is a stranger: what it says is checked by digest.

import { utf8Decode } from "../base/bytes.ts";
import { TwinError } from "../base/errors.ts";
import { isLocalRegistry, type OciReference } from "./oci-reference.ts";

const TIMEOUT_MS = 60_000;
const REDIRECTS_MAX = 5;
const TOKEN_SIZE_MAX = 64 * 1_024;

/** Name and password at a registry. */
export interface RegistryCredentials {
  readonly user: string;
  readonly password: string;
}

/** One request. */
export interface RegistryRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT";
  /** Below the repository, such as `manifests/1.0.0`, or a whole URL that the registry gave. */
  readonly at: string | URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array<ArrayBuffer> | undefined;
}

/** Speaks to the repository of `place`. */
export class RegistryClient {
  readonly #place: Pick<OciReference, "registry" | "repository">;
  readonly #base: URL;
  readonly #credentials: RegistryCredentials | undefined;
  #authorization: string | undefined;

  constructor(place: Pick<OciReference, "registry" | "repository">, credentials?: RegistryCredentials) {
    const scheme = isLocalRegistry(place.registry) ? "http" : "https";
    this.#place = place;
    this.#base = new URL(`${scheme}://${place.registry}/v2/${place.repository}/`);
    this.#credentials = credentials;
  }

  /** The answer, after the registry was told who asks, if it wants to know. Throws `TWIN_REGISTRY_FAILED` when there is none. */
  async ask(request: RegistryRequest): Promise<Response> {
    const url = new URL(request.at, this.#base);
    const answer = await this.#follow(url, request);
    if (answer.status !== 401) return answer;
    await answer.body?.cancel();
    this.#authorization = await this.#authorize(answer.headers.get("www-authenticate") ?? "");
    return await this.#follow(url, request);
  }

  /** What is wrong, with the registry's own code for it. */
  failure(what: string): TwinError {
    const { registry, repository } = this.#place;
    return new TwinError("TWIN_REGISTRY_FAILED", `${registry}/${repository}: ${what}.`, { registry });
  }

  /** What an answer that is not the wanted one means. */
  async refusal(answer: Response): Promise<TwinError> {
    await answer.body?.cancel();
    const about: Partial<Record<number, string>> = {
      401: "it wants to know who asks (log in with `docker login` or `oras login`, which keep it where it is looked for)",
      403: "it refuses this to who asks",
      404: "there is no such package",
    };
    return this.failure(about[answer.status] ?? `it answered ${answer.status}`);
  }

  /** Sends, and follows where a download is led. What it knows of who asks goes to the registry alone. */
  async #follow(start: URL, { method, headers = {}, body }: RegistryRequest): Promise<Response> {
    let url = start;
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
      const isOwn = url.origin === this.#base.origin;
      this.#checkScheme(url);
      const authorization = isOwn && this.#authorization !== undefined ? { authorization: this.#authorization } : {};
      const answer = await this.#send(url, { method, headers: { ...headers, ...authorization }, body: body ?? null });
      const location = answer.headers.get("location");
      if (![301, 302, 303, 307, 308].includes(answer.status) || location === null || method !== "GET") return answer;
      await answer.body?.cancel();
      url = new URL(location, url);
    }
    throw this.failure(`it leads on and on, more than ${REDIRECTS_MAX} times`);
  }

  async #send(url: URL, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
    } catch (cause) {
      const { registry } = this.#place;
      throw new TwinError("TWIN_REGISTRY_FAILED", `${registry} cannot be reached.`, { registry }, cause);
    }
  }

  /** Nothing goes out unencrypted, except to a registry on this machine. */
  #checkScheme(url: URL): void {
    if (url.protocol === "https:") return;
    if (url.protocol === "http:" && this.#base.protocol === "http:" && isLocalRegistry(url.host)) return;
    throw this.failure(`it leads to ${url.protocol}//${url.host}, which is not https`);
  }

  /** RFC 9110, section 11.6.1; for tokens the distribution specification's "Token authentication". */
  async #authorize(challenge: string): Promise<string> {
    const basic = this.#credentials && `Basic ${btoa(`${this.#credentials.user}:${this.#credentials.password}`)}`;
    if (/^Basic\b/iu.test(challenge) && basic !== undefined) return basic;
    const realm = parameterOf(challenge, "realm");
    if (!/^Bearer\b/iu.test(challenge) || realm === undefined || !URL.canParse(realm)) {
      throw await this.refusal(new Response(null, { status: 401 }));
    }
    const url = new URL(realm);
    this.#checkScheme(url);
    for (const name of ["service", "scope"]) {
      const value = parameterOf(challenge, name);
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const answer = await this.#send(url, { headers: basic === undefined ? {} : { authorization: basic } });
    if (answer.status !== 200) throw await this.refusal(answer);
    const token = tokenOf(await readBounded(answer, TOKEN_SIZE_MAX));
    if (token === undefined) throw this.failure("it gave no token");
    return `Bearer ${token}`;
  }
}

/** The body. Undefined when it has more bytes than that, of which no more are read. */
export async function readBounded(
  answer: Response,
  sizeBytesMax: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > sizeBytesMax) return undefined;
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function parameterOf(challenge: string, name: string): string | undefined {
  return new RegExp(`[ ,]${name}="([^"]{1,1000})"`, "iu").exec(challenge)?.[1];
}

function tokenOf(body: Uint8Array | undefined): string | undefined {
  if (body === undefined) return undefined;
  try {
    const { token, access_token: accessToken } = Object(JSON.parse(utf8Decode(body))) as Record<string, unknown>;
    const found = token ?? accessToken;
    return typeof found === "string" && /^[\x21-\x7e]+$/u.test(found) ? found : undefined;
  } catch {
    return undefined;
  }
}
