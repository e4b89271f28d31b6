/**
 * A stand-in for ssh that has a command run here, and ends in the place of passing on a message, once: broken-ssh.mjs TYPE
 * MARK COMMAND. See src/migrate/link.ts for what goes over it.
 */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';

const [, , type, mark, command] = process.argv;
const HEADER = 5;
const MESSAGE = 1;

const child = spawn('sh', ['-c', command], { stdio: ['pipe', 'pipe', 'inherit'] });
child.on('exit', (code) => process.exit(code ?? 255));
child.stdin.on('error', () => undefined);
process.stdout.on('error', () => undefined);
void pass(process.stdin, child.stdin);
void pass(child.stdout, process.stdout);

async function pass(from, to) {
  let left = Buffer.alloc(0);
  for await (const piece of from) {
    left = Buffer.concat([left, piece]);
    for (;;) {
      const end = left.length < HEADER ? Number.POSITIVE_INFINITY : HEADER + left.readUInt32BE();
      if (left.length < end) break;
      breakAt(left.subarray(0, end));
      to.write(left.subarray(0, end));
      left = left.subarray(end);
    }
  }
  to.end();
}

function breakAt(frame) {
  if (frame[HEADER - 1] !== MESSAGE || existsSync(mark)) return;
  if (JSON.parse(frame.subarray(HEADER)).type !== type) return;
  writeFileSync(mark, '');
  process.exit(255);
}
