/** The library: `import { openHost } from 'cella'`. */
export type { ContainerConfig } from './config/container-config.js';
export { changesFromOptions } from './config/overrides.js';
export { type Abortable, Container, type StartCallOptions, type StartResult } from './container/container.js';
export type { CreateOptions } from './container/create.js';
export type { EnterOptions, ExecOptions } from './container/exec.js';
export type { Console, GuestProcess, GuestTerminal } from './container/guest.js';
export { type ContainerInfo, Host, type HostOptions, openHost } from './container/host.js';
export type { Status } from './container/list.js';
export type { StopOptions } from './container/stop.js';
export type { TemplateInfo } from './container/templates.js';
export { CellaError, type ErrorCode, EXIT, exitNumber } from './errors.js';
export type { HostEvent, Reporter, Verb } from './events.js';
export type { Ended } from './native/binding.js';
export type { LaunchPlan } from './plan/launch-plan.js';
export type { ImportOptions } from './template/import-options.js';
export type { UnpackLimits } from './template/limits.js';
export type { TemplateCommand, TemplateManifest } from './template/manifest.js';
export type { UnpackProgress } from './template/unpack.js';
