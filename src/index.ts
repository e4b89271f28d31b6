/** The library: `import { openHost } from 'cella'`. */
export type { FoundBackup } from './backup/find.js';
export type { BackupManifest, BackupMode } from './backup/manifest.js';
export type { ContainerConfig } from './config/container-config.js';
export type { Edits, ListEdit } from './config/edits.js';
export { changesFromOptions } from './config/overrides.js';
export type { BackupOptions, BackupProgress, BackupResult } from './container/backup.js';
export {
  type Abortable,
  Container,
  type ResumeResult,
  type StartCallOptions,
  type StartResult,
} from './container/container.js';
export type { CreateOptions } from './container/create.js';
export type { DiskTemplate, ImportDiskOptions } from './container/disk.js';
export type { EnterOptions, ExecOptions } from './container/exec.js';
export type { Console, GuestProcess, GuestTerminal } from './container/guest.js';
export {
  type BridgeInfo,
  type BridgeOptions,
  type Capacity,
  type ConfigFinding,
  type ContainerInfo,
  type ContainerResources,
  type ContainerUsage,
  type Counter,
  type DiskCounter,
  type Finding,
  Host,
  type HostOptions,
  type HostResources,
  type HostRoom,
  type ListOptions,
  openHost,
  type ProcessPlace,
  type Repaired,
  type Room,
  type RoomOptions,
  type SplitOptions,
} from './container/host.js';
export type { Imported, ImportOptions as ImportConfigOptions } from './container/import.js';
export type { Status } from './container/list.js';
export type { MigrateOptions, MigrateResult, MigrateStep } from './container/migrate.js';
export type { RestoreOptions } from './container/restore.js';
export type { BackupSource } from './container/restore-files.js';
export type { ResumeOptions } from './container/resume.js';
export type { RunEnded, RunningCommand, RunOptions } from './container/run.js';
export type { SnapshotInfo, SnapshotOptions, SwitchOptions } from './container/snapshot.js';
export type { StopOptions } from './container/stop.js';
export type { SuspendOptions } from './container/suspend.js';
export { type TemplateInfo, Templates } from './container/templates.js';
export type { Change } from './disk/changes.js';
export type { DiskEvent, DiskReporter } from './disk/events.js';
export type { ExportedDisk, ExportOptions } from './disk/export.js';
export type { Format } from './disk/formats.js';
export type { ImportedDisk } from './disk/import.js';
export { CellaError, type ErrorCode, EXIT, exitNumber } from './errors.js';
export type { HostEvent, Reporter, Verb } from './events.js';
export type { MigrateMode } from './migrate/modes.js';
export type { Ended } from './native/binding.js';
export type { LaunchPlan } from './plan/launch-plan.js';
export type { BuildEvent, BuildOptions } from './template/build.js';
export type { Template } from './template/cache.js';
export type { ImportOptions } from './template/import-options.js';
export type { UnpackLimits } from './template/limits.js';
export type { TemplateCommand, TemplateManifest } from './template/manifest.js';
export type { UnpackProgress } from './template/unpack.js';
