/** The library: `import { openHost } from 'cella'`. */
export type { ContainerConfig } from './config/container-config.js';
export { changesFromOptions } from './config/overrides.js';
export { type Abortable, Container, type StartCallOptions, type StartResult } from './container/container.js';
export type { CreateOptions } from './container/create.js';
export type { DiskTemplate, ImportDiskOptions } from './container/disk.js';
export type { EnterOptions, ExecOptions } from './container/exec.js';
export type { Console, GuestProcess, GuestTerminal } from './container/guest.js';
export { type ContainerInfo, Host, type HostOptions, openHost } from './container/host.js';
export type { Status } from './container/list.js';
export type { StopOptions } from './container/stop.js';
export type { DiskEvent, DiskReporter } from './disk/events.js';
export type { ExportedDisk, ExportOptions } from './disk/export.js';
export type { Format } from './disk/formats.js';
export type { ImportedDisk, ImportOptions } from './disk/import.js';
export { CellaError, type ErrorCode, EXIT, exitNumber } from './errors.js';
export type { HostEvent, Reporter, Verb } from './events.js';
export type { Ended } from './native/binding.js';
export type { LaunchPlan } from './plan/launch-plan.js';
