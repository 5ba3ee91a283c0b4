import { expect, test } from "vitest";
import { parseRelayName, recordPath } from "../../../host/phonebook/relay-name.ts";
import { testIdentity } from "../../support/test-identity.ts";

test("a relay is a name of the open internet, in small letters", () => {
  expect(parseRelayName("twin.example.org")).toBe("twin.example.org");
  expect(parseRelayName("Twin.Example.ORG")).toBe("twin.example.org");
  expect(parseRelayName("xn--bcher-kva.example")).toBe("xn--bcher-kva.example");
  expect(parseRelayName(`${"a".repeat(63)}.${"b".repeat(63)}.org`)).toBeDefined();
});

test.each([
  "",
  "example",
  "localhost",
  "twin.localhost",
  "printer.local",
  "db.internal",
  "nas.home.arpa",
  "127.0.0.1",
  "127.1",
  "0x7f.0x1",
  "2130706433",
  "[::1]",
  "::1",
  "10.0.0.1.",
  "twin.example.org.",
  "twin.example.org:8443",
  "twin.example.org/path",
  "user@twin.example.org",
  "https://twin.example.org",
  "twin..example.org",
  "-twin.example.org",
  "relay_a.example.org_relay_b.example.org",
  "twin.example.0rg",
  "twin.example.org\n",
  "twin example.org",
  "ex\u00e4mple.org",
  `${"a".repeat(64)}.org`,
  `${"a.".repeat(130)}org`,
])("no relay is %j", (text) => {
  expect(parseRelayName(text)).toBeUndefined();
});

test("the path of a record names its twin", () => {
  const { id } = testIdentity(1);
  expect(`did:key:${recordPath(id).split("/").at(-1)}`).toBe(id);
  expect(recordPath(id)).toMatch(/^\/\.well-known\/twin-record\/z6Mk[A-Za-z0-9]{44}$/u);
});
