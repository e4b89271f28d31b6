/** cella diff: what a container has changed of its template. */
import type { Change } from '../../disk/changes.js';
import type { Io } from '../io.js';
import type { Register } from '../session.js';

export const registerDiff: Register = (program, session) => {
  program
    .command('diff')
    .description('what a stopped container has changed of its template: A added, C changed, D deleted')
    .argument('<ctid>')
    .option('--json', 'for programs')
    .action(async (id: string, { json }: { json?: true }) => {
      const container = await session.container(id);
      printChanges(await container.changes({ signal: session.interruptible() }), session.io, json === true);
    });
};

const LETTERS = { added: 'A', changed: 'C', deleted: 'D' } as const;

export function printChanges(changes: readonly Change[], io: Io, json: boolean): void {
  if (json) io.stdout.write(`${JSON.stringify(changes)}\n`);
  else io.stdout.write(changes.map(({ kind, path }) => `${LETTERS[kind]} ${shown(path)}\n`).join(''));
}

/** One line, and nothing that a terminal acts upon: names are the container's. */
function shown(path: string): string {
  return path.replace(/[\p{C}\p{Zl}\p{Zp}\\]/gu, (character) => {
    if (character === '\\') return '\\\\';
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
  });
}
