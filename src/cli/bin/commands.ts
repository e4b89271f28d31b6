/** All commands: what is made one file of. */
export { openHost } from '../../container/host.js';
export { main } from '../main.js';
export { run } from './run.js';
