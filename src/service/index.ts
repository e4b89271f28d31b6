/** The node service, for those who embed it or talk to it: `import { openService } from 'cella/service'`. */
export { ServiceClient } from './client.js';
export type { Ending, ToldEvent } from './events.js';
export { type CloseOptions, NodeService, openService } from './service.js';
