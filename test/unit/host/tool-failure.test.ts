/** What is told of tools that fail: real ones, however they are run. */
import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { runJob } from '../../../src/host/jobs.js';
import { filter, follow, run } from '../../../src/host/run.js';

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(0);
}

async function filtered(script: string): Promise<void> {
  for await (const _ of filter(['sh', '-c', script], nothing()));
}

const WAYS: readonly (readonly [string, (script: string) => Promise<unknown>])[] = [
  ['run', (script) => run(['sh', '-c', script])],
  ['filter', filtered],
  ['follow', (script) => follow(['sh', '-c', script], { env: {}, onLine: () => undefined })],
  ['runJob', (script) => runJob([['sh', '-c', script]])],
];

describe.each(WAYS)('%s', (_, fails) => {
  it.each([
    ['echo oops >&2; exit 3', 'sh failed: oops'],
    ['for i in 1 2 3 4; do echo $i; done >&2; exit 1', 'sh failed: 2; 3; 4'],
    ['echo why >&2; echo "I: cleaning up" >&2; echo >&2; exit 1', 'sh failed: why'],
    ['echo why >&2; seq -f "I: %g" 5000 >&2; exit 1', 'sh failed: why'],
    ['printf "no newline" >&2; exit 1', 'sh failed: no newline'],
    ['exit 7', 'sh failed: exit status 7'],
    ['exec tr -d "\\n" </dev/zero | head -c 1000000 >&2; exit 1', `sh failed: ${'\0'.repeat(4096)}`],
  ])('says of %j what it said last, else how it ended', async (script, message) => {
    await expect(fails(script)).rejects.toMatchObject({ code: 'SYSTEM', message });
  });
});

it('tells signals, and tools that are not there', async () => {
  await expect(run(['sh', '-c', 'kill -9 $$'])).rejects.toThrow('sh failed: ended by SIGKILL');
  await expect(filtered('kill -9 $$')).rejects.toThrow('sh failed: ended by SIGKILL');
  await expect(run(['/nonexistent'])).rejects.toThrow('failed: no such command or working directory');
  const missing = async (): Promise<void> => {
    for await (const _ of filter(['/nonexistent'], nothing()));
  };
  await expect(missing()).rejects.toThrow('/nonexistent cannot be run');
});
