// What an owner writes for a store, and what may be shown of it.

import { describe, expect, test } from "vitest";
import { describeStoreLocation, domainOfLocation, parseStoreLocation } from "../../../host/vault/store-location.ts";
import { testIdentity } from "../../support/test-identity.ts";

const twin = testIdentity(1).id;

describe("a store's location", () => {
  test.each([
    ["/mnt/usb", { kind: "directory", path: "/mnt/usb" }],
    [
      "s3://KEY:SE%2FCRET@s3.example.com/bucket/my/folder/?region=eu",
      {
        kind: "s3",
        endpoint: "https://s3.example.com",
        region: "eu",
        bucket: "bucket",
        prefix: "my/folder/",
        accessKeyId: "KEY",
        secretAccessKey: "SE/CRET",
      },
    ],
    ["s3+http://K:S@localhost:4569/b", { endpoint: "http://localhost:4569", prefix: "", region: "us-east-1" }],
    [
      "redis://:p%40ss@db.example.com",
      { host: "db.example.com", port: 6_379, tls: false, database: "0", password: "p@ss" },
    ],
    [
      "rediss://db.example.com:7000/3",
      { tls: true, port: 7_000, database: "3", dialect: "redis", password: undefined },
    ],
    ["zdb://:secret@[::1]:9900/space", { dialect: "0-db", database: "space", host: "[::1]" }],
    [`twin:${twin}`, { kind: "twin", twin }],
  ])("%s is read", (text, expected) => {
    expect(parseStoreLocation(text)).toMatchObject(expected);
  });

  test.each(["ftp://a/b", "s3://K:S@host/", "s3://host/bucket", "redis:///0", "s3:", "s3://K:S3CR3T@", "twin:Ben"])(
    "%s is refused, without a word of it",
    (text) => {
      let message = "";
      try {
        parseStoreLocation(text);
      } catch (thrown) {
        ({ message } = thrown as Error);
      }
      expect(message).toContain("This is no place for a store");
      expect(message).not.toContain("S3CR3T");
    },
  );

  test("is shown without its secrets, and names what fails together with it", () => {
    const s3 = parseStoreLocation("s3://KEY:SECRET@s3.example.com/bucket/x");
    const redis = parseStoreLocation("redis://:SECRET@db:1234/2");
    for (const location of [s3, redis]) expect(describeStoreLocation(location)).not.toMatch(/SECRET|KEY/);
    expect([s3, redis].map(domainOfLocation)).toEqual(["s3.example.com", "db:1234"]);
    expect(domainOfLocation(parseStoreLocation("/a"))).toBeUndefined();
  });
});
