import { multiaddr } from "@multiformats/multiaddr";
import { describe, expect, test } from "vitest";
import { TwinError } from "../../../host/base/errors.ts";
import { encodeTypedCode } from "../../../host/identity/typed-code.ts";
import { decodeInvite, encodeInvite, inviteId, inviteProof, twinHash } from "../../../host/peers/invite-code.ts";
import { testIdentity } from "../../support/test-identity.ts";

const secret = Uint8Array.from({ length: 16 }, (_, index) => index);
const { id } = testIdentity(1);
const address = multiaddr("/ip4/192.0.2.1/tcp/4841");
const code = encodeInvite(secret, id, [address]);

function typo(typed: string): void {
  if (typed === code) return;
  expect(() => decodeInvite(typed)).toThrow(TwinError);
}

describe("invite code", () => {
  test("is the one that the format's page shows", () => {
    expect(code).toMatchInlineSnapshot(`"twin-040020g30g2gc1r81450p30d1r7vcrg8rc7hqt3z102c000204315t89nmtpj"`);
  });

  test("gives back secret, twin and addresses, however it is typed", () => {
    const typings = [
      code,
      code.toUpperCase(),
      `  ${code}\n`,
      code.replaceAll(/(.{8})/gu, "$1 "),
      code.replace("twin-", "twin").replaceAll(/(.{10})/gu, "$1-"),
      `twin-${code.slice(5).replaceAll("0", "O").replaceAll("1", "l")}`,
    ];
    for (const typed of typings) {
      const invite = decodeInvite(typed);
      expect(invite.secret).toEqual(secret);
      expect(invite.twinHash).toEqual(twinHash(id));
      expect(invite.addresses.map(String)).toEqual([address.toString()]);
    }
  });

  test("finds every single wrong, missing, doubled or swapped character", () => {
    expect(decodeInvite(code).secret).toEqual(secret);
    for (let index = 0; index < code.length; index++) {
      for (const letter of "0159abkwyz") typo(code.slice(0, index) + letter + code.slice(index + 1));
      if (code[index] === "-") continue;
      typo(code.slice(0, index) + code.slice(index + 1));
      typo(code.slice(0, index) + code[index] + code.slice(index));
      if (code[index + 1] !== "-")
        typo(code.slice(0, index) + (code[index + 1] ?? "") + code[index] + code.slice(index + 2));
    }
  });

  test.each([
    ["nothing", ""],
    ["the prefix alone", "twin-"],
    ["something else", "https://example.org"],
    ["letters that are not in the alphabet", "twin-uuuu"],
    ["a huge text", `twin-${"0".repeat(100_000)}`],
    ["another version", encodeTypedCode("twin", Uint8Array.of(2, ...new Uint8Array(40)))],
    ["no address", encodeTypedCode("twin", Uint8Array.of(1, ...new Uint8Array(24)))],
    ["an address that overruns", encodeTypedCode("twin", Uint8Array.of(1, ...new Uint8Array(24), 9, 4))],
    ["an address of no kind", encodeTypedCode("twin", Uint8Array.of(1, ...new Uint8Array(24), 2, 255, 255))],
    ["too short a body", encodeTypedCode("twin", Uint8Array.of(1, 2, 3))],
  ])("refuses %s", (_, typed) => {
    expect(() => decodeInvite(typed)).toThrow(expect.objectContaining({ code: "TWIN_INVITE_INVALID" }));
  });

  test("takes three addresses, those of this machine alone last", () => {
    const many = [
      "/ip4/127.0.0.1/tcp/1",
      "/ip6/::1/tcp/1",
      "/ip4/192.0.2.1/tcp/1",
      "/ip4/192.0.2.2/tcp/1",
      "/ip4/127.0.0.2/tcp/1",
    ];
    const { addresses } = decodeInvite(
      encodeInvite(
        secret,
        id,
        many.map((text) => multiaddr(text)),
      ),
    );
    expect(addresses.map(String)).toEqual(["/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.2/tcp/1", "/ip4/127.0.0.1/tcp/1"]);
  });

  test("proves the secret differently for each side, connection and secret", () => {
    const proofs = [
      inviteProof(secret, "acceptor", Uint8Array.of(1)),
      inviteProof(secret, "inviter", Uint8Array.of(1)),
      inviteProof(secret, "acceptor", Uint8Array.of(2)),
      inviteProof(secret.toReversed(), "acceptor", Uint8Array.of(1)),
    ].map((proof) => proof.toHex());
    expect(new Set(proofs).size).toBe(4);
    expect(inviteId(secret).toHex()).not.toBe(inviteId(secret.toReversed()).toHex());
  });
});
