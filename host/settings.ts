// Small things the host remembers between starts, in a table of the twin's state.

import { utf8Decode, utf8Encode } from "./base/bytes.ts";
import type { Engine } from "./engine/engine.ts";

/** Setting -> text. */
interface SettingTexts {
  /** The person's name. */
  readonly name: string;
  /** The port that other twins know. */
  readonly peerPort: string;
  /** When the last restore drill succeeded, in ms since 1970. */
  readonly lastDrillAtMs: string;
  /** `yes` once the phrase has been on a screen. */
  readonly phraseShown: string;
  /** The DNS name at which the web serves this twin's record to anybody; empty: it does not. */
  readonly relay: string;
  /** Names of built-in packages that were installed once, separated by spaces: what the owner removed stays removed. */
  readonly builtIns: string;
}

const NAMESPACE = "$settings";

/** Durable settings of one twin. */
export interface Settings {
  get(key: keyof SettingTexts): Promise<string | undefined>;
  /** Durable when it resolves. */
  set(key: keyof SettingTexts, text: string): Promise<void>;
}

/** The settings in the engine's tables. */
export function createSettings(engine: Pick<Engine, "readTable" | "writeTable">): Settings {
  return {
    get: async (key) => {
      const start = utf8Encode(key);
      const [entry] = await engine.readTable({ namespace: NAMESPACE, start, end: utf8Encode(`${key}\0`), limit: 1 });
      return entry === undefined ? undefined : utf8Decode(entry.value);
    },
    set: (key, text) => engine.writeTable([{ namespace: NAMESPACE, key: utf8Encode(key), value: utf8Encode(text) }]),
  };
}
