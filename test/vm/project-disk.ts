/** The built project as a disk: what git knows of, what was compiled, its npm packages, and this machine's Node.js. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { CARRIED, provideTemplate, RECIPES, templateKey, templatePlace } from '../helpers/templates.js';
import { REPOSITORY, requireSpace } from './places.js';

/** What the guest needs of the project besides node_modules, as arguments of tar. */
const COMPILED = [
  'dist',
  'build/Release/cella.node',
  'build/Release/cella-launcher',
  'build/Release/criu/tar',
];

/** Changes seldom: a guest that is kept is booted anew when it does. */
export function packagesHash(): string {
  return createHash('sha256')
    .update(readFileSync(`${REPOSITORY}package-lock.json`))
    .update(RECIPES.map((recipe) => templateKey(recipe)).join())
    .digest('hex')
    .slice(0, 16);
}

/** A tar stream of all but node_modules, from a shell in the repository. */
export const SOURCES = `{ git ls-files -z --cached --others --exclude-standard; printf '%s\\0' ${COMPILED.join(' ')}; } |
  tar --create --null --files-from=- --ignore-failed-read --warning=no-failed-read`;

/** Makes an ext4 image; `directory` must be there. */
export async function makeProjectDisk(directory: string): Promise<string> {
  requireSpace(directory, 2);
  const stage = mkdtempSync(`${directory}/stage-`);
  try {
    execFileSync('sh', ['-euc', `${SOURCES} | tar --extract --directory "$1"`, 'sh', stage], {
      cwd: REPOSITORY,
    });
    execFileSync('cp', ['--archive', `${REPOSITORY}node_modules`, stage]);
    mkdirSync(`${stage}/.node`);
    await carryTemplates(`${stage}/${CARRIED}`);
    if (carriesNode()) copyFileSync(process.execPath, `${stage}/.node/node`);
    const disk = `${directory}/project.img`;
    execFileSync(
      'mkfs.ext4',
      ['-q', '-F', '-L', 'cella-project', '-E', 'root_owner=0:0', '-d', stage, disk, '4G'],
      {
        env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
      },
    );
    return disk;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Templates that no guest could build. */
async function carryTemplates(to: string): Promise<void> {
  mkdirSync(to);
  for (const recipe of RECIPES) {
    const key = templateKey(recipe);
    console.error(`vm: taking template ${key} along, which is built once per recipe`);
    await provideTemplate(recipe);
    execFileSync('cp', ['--archive', templatePlace(key), to]);
  }
}

/** Debian's own Node.js is built without a start-up snapshot, which an emulated processor takes 1.3 s to make up for. */
function carriesNode(): boolean {
  const { node_shared } = process.config.variables as { readonly node_shared?: boolean };
  return node_shared !== true;
}

/** Which Node.js runs the suites in the guest. */
export const GUEST_NODE =
  '$(test -x /srv/cella/.node/node && echo /srv/cella/.node/node || echo /usr/bin/node)';
