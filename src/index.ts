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
export { Templates } from './container/templates.js';
export { CellaError, type ErrorCode, EXIT, exitNumber } from './errors.js';
export type { HostEvent, Reporter, Verb } from './events.js';
export type { Ended } from './native/binding.js';
export type { LaunchPlan } from './plan/launch-plan.js';
export type { BuildEvent, BuildOptions } from './template/build.js';
export type { Template } from './template/cache.js';
export type { TemplateManifest } from './template/manifest.js';
