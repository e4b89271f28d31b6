/** Writes manual pages and completions beside the compiled commands; run by the build. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bashCompletion } from '../completion/bash.js';
import { zshCompletion } from '../completion/zsh.js';
import { version } from '../main.js';
import { vzctlPage, vzlistPage, vznetstatPage, vzubcPage } from './commands.js';
import { containerConfigPage, hostConfigPage } from './files.js';
import { toolPages } from './tools.js';

const DIST = fileURLToPath(new URL('../..', import.meta.url));

const FILES: Readonly<Record<string, string>> = {
  'man/man8/vzctl.8': vzctlPage(version()),
  'man/man8/cella.8': '.so man8/vzctl.8\n',
  'man/man8/vzlist.8': vzlistPage(version()),
  'man/man8/vznetstat.8': vznetstatPage(version()),
  'man/man8/vzubc.8': vzubcPage(version()),
  ...Object.fromEntries(
    Object.entries(toolPages(version())).map(([name, page]) => [`man/man8/${name}.8`, page]),
  ),
  'man/man5/vz.conf.5': hostConfigPage(version()),
  'man/man5/ctid.conf.5': containerConfigPage(version()),
  'completion/bash/cella': bashCompletion(),
  'completion/zsh/_cella': zshCompletion(),
};

for (const [name, text] of Object.entries(FILES)) {
  const path = `${DIST}${name}`;
  mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true });
  writeFileSync(path, text);
}
