/** cella check: what this host has and lacks, and what to do about it. */
import type { Finding } from '../../container/host.js';
import { EXIT } from '../../errors.js';
import type { Register, Session } from '../session.js';
import { printable } from '../table.js';

export const registerCheck: Register = (program, session) => {
  program
    .command('check')
    .description('what this host has and lacks, and what to do about it; 0: containers can run')
    .option('-j, --json', 'for programs')
    .option('--checkpoint <ctid>', 'whether this container can be suspended; 16: it cannot')
    .action(async ({ json, checkpoint }: { json?: true; checkpoint?: string }) => {
      if (checkpoint !== undefined) return checkContainer(session, checkpoint, json ?? false);
      const findings = await (await session.host()).check();
      const { stdout } = session.io;
      if (json) stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
      else stdout.write(findings.map(linesOf).join(''));
      session.status = statusOf(findings);
    });
};

async function checkContainer(session: Session, id: string, json: boolean): Promise<void> {
  const container = await session.container(id);
  const reasons = await container.whyNotCheckpointable();
  const { stdout } = session.io;
  if (json) stdout.write(`${JSON.stringify({ ctid: container.ctid, reasons }, null, 2)}\n`);
  else if (reasons.length === 0) stdout.write('it can be suspended\n');
  else stdout.write(reasons.map((reason) => `${printable(reason)}\n`).join(''));
  session.status = reasons.length === 0 ? EXIT.OK : EXIT.SUSPEND_FAILED;
}

function linesOf({ subject, state, required, fact, consequence, advice }: Finding): string {
  const head = `${state.padEnd(7)}  ${subject}: ${fact}`;
  if (consequence === null) return `${printable(head)}\n`;
  const means = state === 'untried' ? 'without it ' : required ? 'needed: ' : '';
  const tail = `${means}${consequence}. ${advice}`;
  return `${printable(head)}\n         → ${printable(tail)}\n`;
}

/** What cannot be found out without root is said to be lacking it. */
function statusOf(findings: readonly Finding[]): number {
  const lacking = findings.filter(({ state, required }) => required && state === 'lacking');
  if (lacking.length === 0) return EXIT.OK;
  return lacking.every(({ subject }) => subject === 'root') ? EXIT.PERMISSION : EXIT.UNSUPPORTED_KERNEL;
}
