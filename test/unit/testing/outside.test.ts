import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LabRequest } from "../../../host/lab-outside.ts";
import { type Lab, type LabTwin, openLab } from "../../../host/testing.ts";

const SOURCE = `
import { ask, call, caller, http, HttpRequest, kv, nowMs, require, schedule } from "twin";
@json class Asked { name: string = "" }
@json class City { name: string = ""; degrees: i32 = 0 }
/** Fetches the weather of a city and keeps it. */
@task export function fetch_weather(asked: Asked): City {
  const answer = http.send(new HttpRequest("https://weather.example.com/" + asked.name).header("x-units", "c"));
  require(answer.ok, "no-weather", answer.code.length > 0 ? answer.code + ": " + answer.message : answer.status.toString());
  const city = answer.read<City>();
  return call<City, City>("weather", "keep", city);
}
/** Keeps the weather of a city. */
@command export function keep(city: City): City {
  require(caller().kind != "experience", "not-yours", "Only for itself.");
  kv.write("city/" + city.name, city);
  return city;
}
/** The weather of a city, as it was kept. */
@query @exposeTo("contacts") export function weather(name: string): City | null {
  return kv.read<City>("city/" + name);
}
/** What another twin knows of a city; empty when it cannot say. */
@task export function ask_friend(twin: string, name: string): string {
  const asked = new Asked();
  asked.name = name;
  const answer = ask(twin, "weather", "weather", asked);
  return answer.ok ? answer.text : answer.code;
}
/** Begins to fetch every hour. */
@command export function begin(asked: Asked): void {
  schedule(nowMs(), "fetch_weather", asked);
  schedule(nowMs() + 3600000, "begin", asked);
}
`;
const FILE = {
  name: "weather",
  version: "1.0.0",
  title: "Weather",
  description: "Knows the weather.",
  licence: "Apache-2.0",
  permissions: { state: "Keeps the weather.", schedule: "Looks every hour.", peer_call: "Asks friends." },
  http: { places: ["weather.example.com"], reason: "Brings the weather." },
};

let folder: string;
let lab: Lab;
let twin: LabTwin;
let seen: LabRequest[];
let degrees: number;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weather-"));
  await writeFile(join(folder, "index.ts"), SOURCE);
  await writeFile(join(folder, "capability.json"), JSON.stringify(FILE));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  [seen, degrees] = [[], 20];
  lab = await openLab({
    capability: folder,
    server: (request) => {
      seen.push(request);
      if (request.url.endsWith("/nowhere")) return { status: 404, body: "no such place" };
      if (request.url.endsWith("/down")) throw new Error("no route");
      return { body: { name: request.url.split("/").at(-1), degrees: degrees++ } };
    },
  });
  twin = await lab.twin();
});
afterEach(() => lab[Symbol.asyncDispose]());

describe("a capability with tasks", () => {
  it("fetches, keeps what came, and lives with what fails", async () => {
    expect(await twin.call("fetch_weather", { name: "Gent" })).toEqual({ name: "Gent", degrees: 20 });
    expect(await twin.call("weather", { name: "Gent" })).toEqual({ name: "Gent", degrees: 20 });
    expect(seen).toMatchObject([
      { url: "https://weather.example.com/Gent", method: "GET", headers: { "x-units": "c" } },
    ]);
    for (const [name, message] of [
      ["nowhere", "404"],
      ["down", "TWIN_FETCH_FAILED: no route"],
    ]) {
      await expect(twin.call("fetch_weather", { name })).rejects.toMatchObject({
        details: { code: "no-weather" },
        message,
      });
    }
    expect(await twin.receipts(1)).toMatchObject([{ method: "fetch_weather", code: "TWIN_GUEST_FAILED" }]);
  });

  it("runs again every hour by its timers", async () => {
    await twin.call("begin", { name: "Gent" });
    await lab.advance(2 * 3_600_000);
    expect(seen).toHaveLength(3);
    expect(await twin.call("weather", { name: "Gent" })).toEqual({ name: "Gent", degrees: 22 });
  });

  it("asks another twin, which decides by its own grants", async () => {
    const friend = await lab.twin();
    await friend.call("fetch_weather", { name: "Oslo" });
    const asking = (): Promise<unknown> => twin.call("ask_friend", { twin: friend.id, name: "Oslo" });
    expect(await asking()).toBe('{"name":"Oslo","degrees":20}');
    friend.away = true;
    expect(await asking()).toBe("TWIN_PEER_OFFLINE");
    friend.away = false;
    await friend.remove("weather");
    expect(await asking()).toBe("TWIN_CALL_DENIED");
  });
});
