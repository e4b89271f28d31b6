/** The other host, by one connection of the system's ssh: whatever that is told of it holds here. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { CellaError } from '../errors.js';
import { Link, type LinkOptions } from './link.js';

export interface PeerOptions extends LinkOptions {
  /** Default: ssh. */
  readonly ssh?: string | undefined;
  /** Of ssh, before the host's name. */
  readonly options?: readonly string[] | undefined;
  /** How the other host's `vzmigrate` is called, for its shell. Default: vzmigrate. */
  readonly command?: string | undefined;
}

export interface Peer extends AsyncDisposable {
  readonly link: Link;
}

/** Nobody is there to be asked; a host that is gone is found out within a quarter of a minute. */
const SSH = [
  '-T',
  '-o',
  'BatchMode=yes',
  '-o',
  'ServerAliveInterval=5',
  '-o',
  'ServerAliveCountMax=3',
] as const;

export function peerCommand(
  destination: string,
  { ssh = 'ssh', options = [], command = 'vzmigrate' }: PeerOptions,
): readonly [string, ...string[]] {
  if (destination === '' || destination.startsWith('-'))
    throw new CellaError('BAD_VALUE', `'${destination}' is no host`);
  return [ssh, ...SSH, ...options, '--', destination, `${command} --receive`];
}

/** What its standard error says is why it fails. */
export function connect([command, ...args]: readonly [string, ...string[]], options: LinkOptions): Peer {
  // A Ctrl-C at our terminal is for us.
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4096);
  });
  const ended = new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
  });
  const why = async (): Promise<string> => {
    await ended;
    // What it said may come after its end.
    await Promise.race([once(child.stderr, 'close').catch(() => undefined), sleep(500)]);
    return said.trim().split('\n').at(-1) ?? '';
  };
  return {
    link: new Link(child.stdout, child.stdin, { ...options, why }),
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      child.stdout.destroy();
      const hanging = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(hanging);
    },
  };
}
