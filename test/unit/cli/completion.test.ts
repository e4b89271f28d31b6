/** Completion, by the shells themselves. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bashCompletion } from '../../../src/cli/completion/bash.js';
import { zshCompletion } from '../../../src/cli/completion/zsh.js';
import { describeProgram } from '../../../src/cli/main.js';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(`${tmpdir()}/cella-completion-`);
  writeFileSync(`${directory}/cella`, bashCompletion());
  mkdirSync(`${directory}/zsh`);
  writeFileSync(`${directory}/zsh/_cella`, zshCompletion());
  // Two containers, one with a name.
  mkdirSync(`${directory}/bin`);
  const vzlist = '#!/bin/sh\ncase "$*" in *name*) echo web;; *) printf "101\\n102\\n";; esac\n';
  writeFileSync(`${directory}/bin/vzlist`, vzlist);
  chmodSync(`${directory}/bin/vzlist`, 0o755);
  writeFileSync(`${directory}/file`, '');
});

afterAll(() => rmSync(directory, { recursive: true }));

const env = (): NodeJS.ProcessEnv => ({ ...process.env, PATH: `${directory}/bin:${process.env.PATH}` });

/** What bash offers at the end of a line, whose last word is begun or, behind a blank, empty. */
function offered(line: string): readonly string[] {
  const words = line.split(' ');
  const script = `
    source "$1/cella"; cd "$1"; shift
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    $(complete -p "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/') "$1"
    printf '%s\\n' "\${COMPREPLY[@]}"
  `;
  const output = execFileSync('bash', ['-uc', script, 'bash', directory, ...words], {
    encoding: 'utf8',
    env: env(),
  });
  return output.split('\n').filter(Boolean);
}

describe('in bash', () => {
  it('offers every verb', () => {
    const verbs = describeProgram('vzctl').commands.map((command) => command.name());
    expect(offered('vzctl ')).toEqual(verbs);
    expect(offered('cella ')).toEqual(verbs);
    expect(offered('vzctl snapshot-l')).toEqual(['snapshot-list']);
  });

  it('offers every option of a verb', () => {
    const set = describeProgram('vzctl').commands.find((command) => command.name() === 'set');
    const options = set?.options.filter(({ hidden }) => !hidden).flatMap(({ long, short }) => [long, short]);
    expect(offered('vzctl set 101 -')).toEqual(options?.filter(Boolean));
    expect(offered('vzctl --quiet set 101 --cpul')).toEqual(['--cpulimit']);
    expect(offered('vzlist --he')).toEqual([]);
    expect(offered('vzlist --all --hea')).toEqual([]);
    expect(offered('vzlist --so')).toEqual(['--sort']);
  });

  it('offers containers by id and by name', () => {
    expect(offered('vzctl start ')).toEqual(['101', '102', 'web']);
    expect(offered('vzctl set 10')).toEqual(['101', '102']);
    expect(offered('vzlist w')).toEqual(['web']);
  });

  it('offers the words that a value may be', () => {
    expect(offered('vzctl set 101 --onboot ')).toEqual(['yes', 'no', 'auto']);
    expect(offered('vzctl set 101 --setmode r')).toEqual(['restart']);
    expect(offered('vzctl set 101 --ram ')).toEqual([]);
  });

  it('takes the value of an option for neither a verb nor an argument', () => {
    expect(offered('vzctl --root-dir start set ')).toEqual(['101', '102', 'web']);
    expect(offered('vzctl set --name start 10')).toEqual(['101', '102']);
  });

  it('goes down to verbs of verbs', () => {
    expect(offered('cella template ve')).toEqual(['verify']);
    expect(offered('cella template import fi')).toEqual(['file']);
    expect(offered('cella runscript 101 fi')).toEqual(['file']);
  });
});

describe('in zsh', () => {
  /** Types a line in an interactive zsh, asks for the list of what may follow, and waits for it to have a word. */
  function awaitListed(line: string, word: string): string {
    const script = `
      zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell "fpath=($1/zsh \\$fpath); autoload -U compinit; compinit -u -D; PS1='at-%j-'"
      # The prompt is drawn once the line editor has the terminal.
      zpty -r shell text '*at-0-*'
      zpty -w -n shell "$2"$'\\x04'
      zpty -r shell text "*$3*"
      zpty -d shell
      print -r -- "$text"
    `;
    return execFileSync('zsh', ['-fc', script, 'zsh', directory, line, word], {
      encoding: 'utf8',
      env: { ...env(), TERM: 'xterm' },
      timeout: 20_000,
    });
  }

  it.each([
    ['vzctl snapshot-l', 'snapshot-list'],
    ['vzctl set 101 --cpu', '--cpulimit'],
    ['vzctl start 10', '102'],
    ['vzctl set 101 --onboot ', 'auto'],
    ['cella template ', 'verify'],
  ])('offers after "%s": %s', (line, word) => {
    expect(awaitListed(line, word)).toContain(word);
  });
});
