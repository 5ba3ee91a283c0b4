// Several twins behind one port: host/web/open-web.ts, host/web/twin-web.ts, host/web/hosts.ts.

import dns from "node:dns";

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { LIMITS } from "../../../host/base/limits.ts";
import { createHosts, isTwinName, twinNameOf } from "../../../host/web/hosts.ts";
import type { Web } from "../../../host/web/open-web.ts";
import { ask } from "../../support/http-request.ts";
import {
  createBrowserKey,
  createTestParts,
  freshToken,
  logIn,
  openOwner,
  openSocket,
  openTestWeb,
  postLogin,
  type TestParts,
} from "../../support/web-host.ts";

describe("the name in a Host header", () => {
  it("is the last label before localhost, for desktops and for experiences", () => {
    const experience = `notes--${"a".repeat(26)}`;
    expect(twinNameOf("family.localhost:4840", 4840)).toBe("family");
    expect(twinNameOf("FAMILY.localhost:4840", 4840)).toBe("family");
    expect(twinNameOf(`${experience}.family.localhost:4840`, 4840)).toBe("family");
    expect(twinNameOf("family.localhost", 80)).toBe("family");
    for (const other of [
      undefined,
      "",
      "localhost:4840",
      ".localhost:4840",
      `${experience}.localhost:4840`,
      "family.localhost:4841",
      "family.localhost",
      "a.b.family.localhost:4840",
      "family.localhost.evil.example:4840",
      "family.evil.example:4840",
      "-a.localhost:4840",
      "a--b.localhost:4840",
    ]) {
      expect(twinNameOf(other, 4840)).toBeUndefined();
    }
  });

  it("can never be taken for an experience, nor an experience for a name", () => {
    for (const name of ["a", "ada", "ada-2", "a1-b2", "x".repeat(32)]) expect(isTwinName(name)).toBe(true);
    for (const name of ["", "Ada", "2a", "a--b", "a-", "-a", "a.b", "a/b", "..", "x".repeat(33)])
      expect(isTwinName(name)).toBe(false);
    const first = createHosts(4840, "localhost");
    expect(first.siteOf("family.localhost:4840").kind).toBe("unknown");
    const family = createHosts(4840, "localhost", "family");
    expect(family.siteOf("localhost:4840").kind).toBe("unknown");
    expect(family.siteOf("127.0.0.1:4840").kind).toBe("unknown");
    expect(family.siteOf(`notes--${"a".repeat(26)}.localhost:4840`).kind).toBe("unknown");
  });
});

describe("another twin of the host", () => {
  let web: Awaited<ReturnType<typeof openTestWeb>>;
  let family: Web;
  let familyParts: TestParts;
  let openings = 0;
  /** Uses of the family's web that have not ended. */
  let holds = 0;
  const hold = (): (() => void) => {
    holds += 1;
    return () => void (holds -= 1);
  };

  beforeAll(async () => {
    // Browsers resolve names below localhost themselves (RFC 6761, section 6.3); Node asks the system, which may not.
    const lookup = dns.lookup;
    vi.spyOn(dns, "lookup").mockImplementation(((name: string, ...rest: never[]) =>
      Reflect.apply(lookup, dns, [name.endsWith(".localhost") ? "localhost" : name, ...rest])) as typeof lookup);
    familyParts = createTestParts({ "echo.echo": () => "of the family" });
    web = await openTestWeb(createTestParts({ "echo.echo": () => "of the first" }), {
      otherTwin: async (name) => {
        openings++;
        if (name === "broken") throw new Error("no disk");
        if (name !== "family") return undefined;
        return { owner: familyParts, ownerKeys: familyParts.browsers, experienceFile: async () => undefined, hold };
      },
    });
    family = { ...web, ...(await web.other("family"))! };
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await web[Symbol.asyncDispose]();
  });

  it("has its desktop at a name of its own, opened once", async () => {
    expect(family.url).toBe(`http://family.localhost:${web.port}`);
    expect(web.otherUrl("family")).toBe(family.url);
    const host = new URL(family.url).host;
    const [page, again] = await Promise.all([
      ask({ port: web.port, path: "/", host }),
      ask({ port: web.port, path: "/", host }),
    ]);
    expect([page.status, again.status]).toEqual([200, 200]);
    expect(page.headers["content-security-policy"]).toContain(`ws://family.localhost:${web.port}`);
    expect(openings).toBe(1);
  });

  it("is refused as any unknown host when there is none of that name, or it cannot be opened", async () => {
    for (const name of ["nobody", "broken"]) {
      const answer = await ask({ port: web.port, path: "/", host: `${name}.localhost:${web.port}` });
      expect(answer.status).toBe(421);
    }
    expect(await web.other("nobody")).toBeUndefined();
  });

  it("knows its own browsers only, and takes only its own links", async () => {
    const [ofFirst, ofFamily] = [await logIn(web), await logIn(family)];
    const first = await openOwner(web, ofFirst);
    const second = await openOwner(family, ofFamily);
    expect(await first.owner.call("echo", "echo", {})).toMatchObject({ result: "of the first" });
    expect(await second.owner.call("echo", "echo", {})).toMatchObject({ result: "of the family" });
    expect(await openSocket(family, ofFirst, "/rpc")).not.toHaveProperty("socket");
    expect(await openSocket(web, ofFamily, "/rpc")).not.toHaveProperty("socket");
    // A page of one may not speak to the other, whatever key it has.
    expect(await openSocket(family, ofFamily, "/rpc", { origin: web.url })).not.toHaveProperty("socket");
    const strange = await postLogin(family, await createBrowserKey(), { token: await freshToken(web) });
    expect(strange.status).toBe(401);
    first.socket.close();
    second.socket.close();
  });

  it("does not open the other's experiences", async () => {
    const { owner, socket } = await openOwner(web, await logIn(web));
    const { token } = await owner.openExperience("notes");
    const at = (host: string): Promise<{ readonly status: number }> => ask({ port: web.port, path: "/app.js", host });
    expect((await at(`notes--${token}.localhost:${web.port}`)).status).toBe(200);
    expect((await at(`notes--${token}.family.localhost:${web.port}`)).status).toBe(404);
    socket.close();
  });

  it("is held by whoever uses it, by a link for as long as it is good, and can be closed and asked for again", async () => {
    const quiet = async (): Promise<void> => {
      // The links of the tests before.
      familyParts.clock.advance(LIMITS.web.loginTokenLifetimeMs);
      await vi.waitFor(() => expect(holds).toBe(0));
    };
    await quiet();
    const browser = await logIn(family);
    expect(holds).toBeGreaterThan(0);
    await quiet();
    const { socket } = await openOwner(family, browser);
    familyParts.clock.advance(LIMITS.web.loginTokenLifetimeMs);
    await vi.waitFor(() => expect(holds).toBe(1));
    socket.close();
    await vi.waitFor(() => expect(holds).toBe(0));

    const [before, { host }] = [openings, new URL(family.url)];
    await web.closeOther("family");
    await web.closeOther("nobody");
    expect((await ask({ port: web.port, path: "/", host })).status).toBe(200);
    expect(openings).toBe(before + 1);
    // The key of a browser is good for longer than a web is open.
    const again = await openOwner(family, browser);
    expect(await again.owner.call("echo", "echo", {})).toMatchObject({ result: "of the family" });
    again.socket.close();
  });
});
