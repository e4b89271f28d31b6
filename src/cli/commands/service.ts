/** cella service: the node service itself, and what is said to it. */
import { hostGoesDown } from '../../host/shutdown.js';
import type { ServiceClient } from '../../service/client.js';
import { describeTold } from '../render.js';
import type { Register, Session } from '../session.js';

export const registerService: Register = (program, session) => {
  const service = program
    .command('service')
    .description('watch over the containers of this host, until it is ended')
    .action(() => runService(session));
  service
    .command('stop')
    .description('end the service; containers go on')
    .option('--containers', 'stop all of them first, to be started at the next boot')
    .action(async (options: { containers?: true }) => {
      const client = await serviceClient(session);
      // The stream of events lasts as long as the service.
      const ended = async (): Promise<void> => {
        for await (const _ of client.events()) void _;
      };
      const body = { containers: options.containers === true };
      await Promise.all([ended(), client.call('POST', '/v1/stop', body)]);
    });
  service
    .command('unit')
    .description('print the systemd unit')
    .action(async () => {
      session.io.stdout.write((await session.host()).serviceUnit());
    });
};

async function runService({ io, rootDir, say }: Session): Promise<void> {
  // Loaded only here: it is the one command that needs an HTTP server and metrics.
  const { openService } = await import('../../service/service.js');
  const service = await openService({
    rootDir: rootDir(),
    listener: (event) => void say(describeTold(event)),
  });
  const stop = io.onSignal(['SIGTERM', 'SIGINT'], () => {
    void hostGoesDown().then((containers) => service.close({ containers }));
  });
  await say('The node service runs');
  await service.closed;
  stop();
}

/** Loaded only by those who need it: Node.js spends some milliseconds on its HTTP client. */
export async function serviceClient(session: Session): Promise<ServiceClient> {
  const { ServiceClient } = await import('../../service/client.js');
  return new ServiceClient(session.rootDir());
}
