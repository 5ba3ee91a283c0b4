// What is written to a running twin's tables while somebody reads them, up to a moment of the reader's choice.

import { utf8Decode, utf8Encode } from "./base/bytes.ts";
import { TwinError } from "./base/errors.ts";
import type { Engine } from "./engine/engine.ts";
import { decodeWrites } from "./state/journal-record.ts";
import type { StateWrite } from "./state/state-store.ts";

/** A row that no table has: its deletion shows in the records that all before it was told. */
const MARKER = { namespace: "$settings", key: "export" } as const;

/** Tells `take` of all writes from now on, in their order, until `end` resolves: then of all that were made before it was called. */
export function followRows(
  engine: Pick<Engine, "listen" | "writeTable">,
  take: (writes: readonly StateWrite[]) => void,
): {
  /** Rejects with `TWIN_ENGINE_RESTARTED` when the engine's worker died meanwhile. */
  end(): Promise<void>;
} & Disposable {
  const told = Promise.withResolvers<void>();
  told.promise.catch(() => {});
  const endListening = engine.listen({
    onRecord: (_sequence, bytes) => {
      const writes = decodeWrites(bytes);
      take(writes);
      if (writes.some(isMarker)) told.resolve();
    },
    onRestart: () =>
      told.reject(
        new TwinError("TWIN_ENGINE_RESTARTED", "The engine restarted while its tables were read: try again."),
      ),
  });
  return {
    async end() {
      await engine.writeTable([{ namespace: MARKER.namespace, key: utf8Encode(MARKER.key), value: undefined }]);
      await told.promise;
    },
    [Symbol.dispose]: endListening,
  };
}

function isMarker({ namespace, key }: StateWrite): boolean {
  return namespace === MARKER.namespace && utf8Decode(key) === MARKER.key;
}
