/** Somebody who is logged into a container by ssh, and types. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';

/** What the container's root does to let in whoever has the key at `path`, which is made where there is none. */
export function invite(path: string): string {
  if (!existsSync(path)) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
  const key = readFileSync(`${path}.pub`, 'utf8').trim();
  return `mkdir -p -m 700 /root/.ssh && echo '${key}' >>/root/.ssh/authorized_keys`;
}

export interface LoginOptions {
  readonly address: string;
  readonly key: string;
  /** Address of this host that it comes from. */
  readonly from?: string;
  /** What ssh is run by, as in another network. */
  readonly by?: readonly string[];
}

export class Login {
  readonly #ssh: ChildProcess;
  #text = '';
  #typed = 0;

  constructor({ address, key, from, by = [] }: LoginOptions) {
    const settings = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
    const [command = '', ...args] = [
      ...by,
      ...['ssh', '-F', 'none', '-tt', '-i', key, ...settings.flatMap((setting) => ['-o', setting])],
      ...(from === undefined ? [] : ['-b', from]),
      `root@${address}`,
    ];
    this.#ssh = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#ssh.stdout?.on('data', (data: Buffer) => {
      this.#text += data.toString();
    });
  }

  /** The shell counts: what it answers it has not been told. */
  async answers(timeout = 60_000): Promise<void> {
    this.#typed += 1;
    this.#ssh.stdin?.write(this.#typed === 1 ? 'n=1; echo "<$n>"\n' : 'n=$((n + 1)); echo "<$n>"\n');
    await expect.poll(() => this.#text, { timeout }).toContain(`<${this.#typed}>`);
  }

  end(): void {
    this.#ssh.kill('SIGKILL');
  }
}
