// The package's public door: what a program that embeds a host, and our own command line, may use.

export { type ConfigFlags, dataFolder, type HostConfig, publisherKeyPath, readConfig } from "./config.ts";
export { type RestoreReport, type RestoreRequest, restoreTwin } from "./restore.ts";
export { connectHost, type HostConnection } from "./connect.ts";
export { type Host, type HostParts, openHost } from "./host.ts";
export { type BuiltPackage, buildPackages, inspectPackageFile } from "./author.ts";
export type { Grant } from "./grants/grant.ts";
export type { InstalledCapability, Manifest, PermissionRequest } from "./packages/manifest.ts";
export type { UpgradeConsent, UpgradeReport } from "./packages/upgrade-report.ts";
export type { OwnOffer } from "./packages/offer-shelf.ts";
export type { PackageOffer } from "./packages/offer.ts";
export type { ExperienceInfo } from "./packages/experience.ts";
export type { Receipt, ReceiptSum, RecordingSettings, ReplayReport } from "./engine/engine.ts";
export type { ObjectInfo, ScrubReport, VaultStatus } from "./vault/object.ts";
export type {
  AnnouncementCost,
  AnnouncementRequest,
  ControlApi,
  DoorApi,
  FoundTwin,
  FolderReport,
  HostStatus,
  KernelStatus,
  LaneChoice,
  Invite,
  Json,
  OnProgress,
  OwnerApi,
  Paired,
  PeerStatus,
  PhonebookStatus,
  StoreListing,
} from "./rpc/api.ts";
