// What an experience is to the rest of the host.

/** What it needs of a capability, and why: the owner's answer becomes a grant. */
interface ExperienceNeed {
  readonly capability: string;
  readonly methods: readonly string[];
  readonly reason: string;
}

/** Content of `experience.json` at the root of its folder. */
export interface ExperienceManifest {
  /** `[a-z][a-z0-9-]{0,31}`, without `--`. */
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly description: string;
  /** Path in the folder of an SVG or PNG icon. */
  readonly icon: string;
  /** Path in the folder of the page that opens. */
  readonly start: string;
  readonly needs: readonly ExperienceNeed[];
  /** Whether it may ask the shell to store (`put`) and fetch (`get`) objects of the vault. */
  readonly objects: readonly ("put" | "get")[];
}

/** An installed experience as the owner sees it. JSON. */
export interface ExperienceInfo extends ExperienceManifest {
  /** Hex BLAKE3 over the sorted paths and contents of its files. */
  readonly hash: string;
  readonly sizeBytes: number;
  readonly installedAtMs: number;
}
