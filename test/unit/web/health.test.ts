// What a watching machine sees: health and readiness for everybody, figures for the token's holder.

import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { jsonEncode } from "../../../host/base/bytes.ts";
import { TwinError } from "../../../host/base/errors.ts";
import { LIMITS } from "../../../host/base/limits.ts";
import { createMetrics } from "../../../host/web/metrics.ts";
import type { Web } from "../../../host/web/open-web.ts";
import { ask, type HttpAnswer } from "../../support/http-request.ts";
import { createTestParts, METRICS_TOKEN, openTestWeb, type TestParts } from "../../support/web-host.ts";

let web: Web;
let parts: TestParts;

beforeEach(async () => {
  parts = createTestParts({ "echo.fail": () => Promise.reject(new TwinError("TWIN_CALL_PARAMS", "No.")) });
  web = await openTestWeb(parts);
});
afterEach(() => web[Symbol.asyncDispose]());

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> =>
  ask({ port: web.port, path, headers });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Value of each sample by its name and labels. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

describe("readiness", () => {
  it("is there while the engine answers, and counts the stores", async () => {
    const answer = await get("/readyz");
    expect(answer.status).toBe(200);
    const { stores } = await parts.vault.status();
    const healthy = stores.filter((store) => store.healthy).length;
    expect(JSON.parse(answer.text)).toEqual({ ready: true, stores: { healthy, all: stores.length } });
  });

  it("counts the twins that cannot be used, and names none", async () => {
    const listing = { name: "family", twin: "did:key:z6MkA", problem: "The state file is damaged." };
    await using other = await openTestWeb(Object.assign(createTestParts(), { brokenTwins: () => [listing] }));
    const answer = await ask({ port: other.port, path: "/readyz" });
    expect(JSON.parse(answer.text)).toMatchObject({ ready: true, brokenTwins: 1 });
    expect(answer.text).not.toContain("family");
  });

  it("does not depend on stores", async () => {
    parts.vault.status = () => Promise.reject(new Error("unplugged"));
    expect(await get("/readyz")).toMatchObject({ status: 200, text: '{"ready":true}' });
  });

  it("is gone when the engine fails or says nothing", async () => {
    parts.engine.status = () => Promise.reject(new TwinError("TWIN_ENGINE_RESTARTED", "It restarts."));
    expect(await get("/readyz")).toMatchObject({ status: 503, text: expect.stringContaining('"ready":false') });
    const asked = Promise.withResolvers<void>();
    parts.engine.status = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    const answer = get("/readyz");
    await asked.promise;
    parts.clock.advance(LIMITS.web.healthTimeoutMs);
    expect(await answer).toMatchObject({ status: 503 });
  });

  it("is told to nobody's page but ours", async () => {
    for (const path of ["/readyz", "/healthz", "/metrics"])
      expect((await get(path, { ...bearer(METRICS_TOKEN), "sec-fetch-site": "cross-site" })).status).toBe(403);
  });
});

describe("metrics", () => {
  it("show what the twin counts, as Prometheus reads it", async () => {
    const first = await get("/metrics", bearer(METRICS_TOKEN));
    expect(first.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    const call = { holder: { kind: "owner" }, capability: "echo", method: "echo" } as const;
    for (let count = 0; count < 3; count++) await parts.engine.call({ ...call, payload: jsonEncode("x") });
    parts.engine.emit("echo", "heard", {});
    const samples = samplesOf((await get("/metrics", bearer(METRICS_TOKEN))).text);
    const twin = `twin="${parts.about.twin}"`;
    expect(samples.get(`twin_up{${twin}}`)).toBe(1);
    expect(samples.get(`twin_calls_total{${twin}}`)).toBe(3);
    expect(samples.get(`twin_events_total{${twin}}`)).toBe(1);
    expect(samples.get(`twin_call_seconds_count{${twin},capability="echo",outcome="ok"}`)).toBe(3);
    expect(samples.get(`twin_vault_margin{${twin},of="domains"}`)).toBe((await parts.vault.status()).domainMargin);
    expect(samples.get("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(samples.has(`twin_contacts{${twin},state="online"}`)).toBe(false);
  });

  it("are whole again each time, also after a part has failed", async () => {
    const sound = { ...parts.engine };
    parts.engine.status = () => Promise.reject(new TwinError("TWIN_ENGINE_RESTARTED", "It restarts."));
    const twin = `twin="${parts.about.twin}"`;
    const without = samplesOf((await get("/metrics", bearer(METRICS_TOKEN))).text);
    expect(without.get(`twin_up{${twin}}`)).toBe(0);
    expect(without.has(`twin_calls_total{${twin}}`)).toBe(false);
    expect(without.has(`twin_vault_objects{${twin}}`)).toBe(true);
    parts.engine.status = () => sound.status();
    for (let count = 0; count < 2; count++) {
      const again = samplesOf((await get("/metrics", bearer(METRICS_TOKEN))).text);
      expect(again.get(`twin_up{${twin}}`)).toBe(1);
      expect(again.get(`twin_calls_total{${twin}}`)).toBe(0);
    }
  });

  it("are for who shows the token", async () => {
    for (const headers of [{}, bearer("x"), bearer(`${METRICS_TOKEN}x`), { authorization: METRICS_TOKEN }]) {
      const answer = await get("/metrics", headers);
      expect(answer).toMatchObject({ status: 401, text: expect.stringContaining("TWIN_LOGIN_REFUSED") });
    }
  });

  it("are not there as long as there is no token", async () => {
    await using closed = await openTestWeb(createTestParts(), { metricsToken: undefined });
    for (const headers of [{}, bearer("undefined"), bearer("")])
      expect((await ask({ port: closed.port, path: "/metrics", headers })).status).toBe(404);
  });

  it("are not told to other machines, whatever they show", async () => {
    const own = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .find(({ family, internal }) => family === "IPv4" && !internal);
    if (own === undefined) return;
    await using open = await openTestWeb(createTestParts(), { host: "0.0.0.0" });
    const text = await new Promise<string>((resolve) => {
      const socket = connect({ host: own.address, port: open.port });
      let answer = "";
      socket.on("data", (part) => (answer += part.toString())).on("end", () => resolve(answer));
      socket.write(
        `GET /metrics HTTP/1.1\r\nHost: localhost:${open.port}\r\nAuthorization: Bearer ${METRICS_TOKEN}\r\nConnection: close\r\n\r\n`,
      );
    });
    expect(text).toMatch(/^HTTP\/1.1 404 /u);
  });

  it("hear nothing before they are asked for, and nothing after their end", async () => {
    expect(parts.engine.listenerCount).toBe(0);
    const metrics = createMetrics(() => [parts]);
    await metrics.text();
    await metrics.text();
    expect(parts.engine.listenerCount).toBe(1);
    metrics[Symbol.dispose]();
    expect(parts.engine.listenerCount).toBe(0);
  });
});
