// How records are fetched: host/tfchain.ts.

import { expect, test } from "vitest";
import type { HttpRequest } from "../../../host/engine/outside.ts";
import { createHttpDoor } from "../../../host/outside/http-door.ts";
import { createRecordFetch } from "../../../host/tfchain.ts";
import { testIdentity } from "../../support/test-identity.ts";

const { id } = testIdentity(1);

test("a record is asked for at its path, at that name alone", async () => {
  const asked: HttpRequest[] = [];
  const answers = [200, 404, 410, 403, 500].map((status) => ({
    url: "",
    status,
    headers: {},
    body: Uint8Array.of(status),
  }));
  const fetchRecord = createRecordFetch(async (request) => {
    asked.push(request);
    return answers.shift()!;
  });
  expect(await fetchRecord("ada.example.org", id, {})).toEqual(Uint8Array.of(200));
  expect(asked[0]).toMatchObject({
    url: `https://ada.example.org/.well-known/twin-record/${id.slice("did:key:".length)}`,
    method: "GET",
    places: ["ada.example.org"],
  });
  expect(await fetchRecord("ada.example.org", id, {})).toBeUndefined();
  expect(await fetchRecord("ada.example.org", id, {})).toBeUndefined();
  for (let refusal = 0; refusal < 2; refusal++)
    await expect(fetchRecord("ada.example.org", id, {})).rejects.toMatchObject({ code: "TWIN_FETCH_FAILED" });
});

test.each(["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1"])(
  "nothing is fetched from %s, whatever name leads there",
  async (address) => {
    const door = createHttpDoor({
      resolve: (_, tell) => tell(null, [{ address, family: address.includes(":") ? 6 : 4 }]),
    });
    const fetched = createRecordFetch(door)("ada.example.org", id, {});
    await expect(fetched).rejects.toMatchObject({ code: "TWIN_FETCH_DENIED" });
  },
);
