// Which circles a twin is in, as the owner's contacts say. The bridge from the contacts capability to
// what the network asks on each connection and message.

import { jsonDecode, jsonEncode } from "./base/bytes.ts";
import { TwinError } from "./base/errors.ts";
import type { Engine } from "./engine/engine.ts";
import type { TwinId } from "./identity/twin-id.ts";
import type { Paired } from "./rpc/api.ts";

/** The owner's contacts, for the network. */
export interface Circles extends Disposable {
  /** Names of the circles of `twin`; none for strangers, or when there is no contacts capability. */
  of(twin: TwinId): Promise<string[]>;
  /** Adds a paired twin as a contact; durable when it resolves. */
  addContact(paired: Paired): Promise<void>;
}

const CAPABILITY = "contacts";

/** Remembers answers until the contacts change. */
export function createCircles(engine: Pick<Engine, "call" | "listen">): Circles {
  const known = new Map<TwinId, Promise<string[]>>();
  const ask = async (twin: TwinId): Promise<string[]> => {
    try {
      const { payload } = await engine.call(request("circles", { twin }));
      return (jsonDecode(payload) as { circles: string[] }).circles;
    } catch (thrown) {
      known.delete(twin);
      if (thrown instanceof TwinError && thrown.code === "TWIN_CALL_UNKNOWN") return [];
      throw thrown;
    }
  };
  const end = engine.listen({ onEvent: ({ capability }) => void (capability === CAPABILITY && known.clear()) });
  return {
    of: (twin) => {
      const answer = known.get(twin) ?? ask(twin);
      known.set(twin, answer);
      return answer;
    },
    addContact: async ({ twin, name }) => {
      await engine.call(request("add", { twin, name }));
      known.clear();
    },
    [Symbol.dispose]: end,
  };
}

function request(method: string, params: object): Parameters<Engine["call"]>[0] {
  return { holder: { kind: "owner" }, capability: CAPABILITY, method, payload: jsonEncode(params) };
}
