import { describe, expect, it } from "vitest";
import { heldPermissions } from "../../../host/packages/held-permissions.ts";
import type { Permission } from "../../../host/packages/manifest.ts";

const asking = (...permissions: readonly Permission[]) =>
  permissions.map((permission) => ({ permission, reason: "New." }));
const call = (...methods: readonly string[]): Permission => ({ call: "contacts", methods });

describe("an upgrade without new rights keeps", () => {
  it.each<[what: string, asked: readonly Permission[], held: readonly Permission[], left: readonly Permission[]]>([
    ["what it had", ["state", "emit"], ["emit", "state", "send"], ["state", "emit"]],
    ["nothing of what is new", ["state", "send"], ["state"], ["state"]],
    ["the methods that it could call", [call("list", "add")], [call("get", "list")], [call("list")]],
    ["no call of which no method is left", [call("add")], [call("list")], []],
    ["no call of another capability", [{ call: "files", methods: ["list"] }], [call("list")], []],
    ["the places that it could reach", [{ http: ["a.org", "b.org"] }], [{ http: ["b.org"] }], [{ http: ["b.org"] }]],
    ["no place in exchange for a call", [{ http: ["a.org"] }], [call("list")], []],
  ])("%s", (_, asked, held, left) => {
    expect(heldPermissions(asking(...asked), asking(...held))).toEqual(asking(...left));
  });
});
