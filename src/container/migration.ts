/** Migrations, on the host that a container leaves: what a kill left of one, and what becomes of the container then. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ctid } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { expect, RemoteError, SURELY_OVER_MS } from '../migrate/messages.js';
import { connect } from '../migrate/peer.js';
import { removeDump, stagingOf } from '../state/dump.js';
import { type Migration, readMigration, removeMigration, writeMigration } from '../state/migration.js';
import { setScriptsAside } from './action-files.js';
import { warn } from './actions.js';
import type { Context } from './context.js';
import { destroyLocked } from './destroy.js';
import { leadBack } from './network.js';
import { findRunning, type Running, takeAway } from './recover.js';
import { dumpOf, leavingOf, letGoOn } from './suspended.js';

/** True where there was one. Waits for a copy to end that may run elsewhere; fails where nobody can know of one. */
export async function finishMigration(context: Context, ctid: Ctid): Promise<boolean> {
  const migration = readMigration(context.paths.migrating(ctid));
  if (!migration) return false;
  await settleMigration(context, ctid, migration, await whoseIsIt(ctid, migration));
  return true;
}

async function whoseIsIt(ctid: Ctid, migration: Migration): Promise<'here' | 'there'> {
  if (migration.phase === 'kept') return 'there';
  if (migration.phase === 'sending') return 'here';
  return migration.phase === 'asked' ? ask(ctid, migration) : askOrWait(ctid, migration);
}

/** Who answers has ended its copy; who does not will have by then. */
async function askOrWait(ctid: Ctid, migration: Migration): Promise<'here' | 'there'> {
  const left = (): number => Math.max(0, (migration.until ?? 0) - Date.now());
  try {
    return await ask(ctid, migration, left());
  } catch {
    await sleep(left());
    return 'here';
  }
}

const PATIENCE_MS = 60_000;
const AGAIN_MS = 2000;

/** What became of a copy that was told to be kept. */
export async function ask(
  ctid: Ctid,
  { to, argv }: Migration,
  patience = PATIENCE_MS,
): Promise<'here' | 'there'> {
  try {
    await using peer = connect(argv, {});
    await peer.link.send({ type: 'ask', ctid });
    const { type } = await expect(peer.link, ['kept', 'none'], patience);
    return type === 'kept' ? 'there' : 'here';
  } catch (cause) {
    throw new CellaError(
      'MIGRATION_UNDECIDED',
      `container ${ctid} stands still: whether '${to}' has it could not be found out`,
      {
        cause,
        hint: `Look there, then say so: vzmigrate --settle here|there ${ctid}. Until then each command asks again.`,
      },
    );
  }
}

/** How far it has come: written down before each step that whoever comes next has to know of. */
export class Mark {
  readonly #context: Context;
  readonly #ctid: Ctid;
  now: Migration;

  constructor(context: Context, ctid: Ctid, migration: Migration) {
    this.#context = context;
    this.#ctid = ctid;
    this.now = migration;
  }

  set(phase: Migration['phase']): void {
    const until = phase === 'handed' ? { until: Date.now() + SURELY_OVER_MS } : {};
    this.now = { ...this.now, phase, ...until };
    writeMigration(this.#context.paths.migrating(this.#ctid), this.now);
  }

  /** After a failure: returns if it is there all the same; else it goes on here, and the failure is thrown. */
  async decide(error: unknown): Promise<void> {
    const { phase } = this.now;
    if (phase === 'kept') return;
    // Who says that it has failed has taken everything back.
    const knows = error instanceof RemoteError;
    if (!knows && (await this.#whose(phase)) === 'there') return this.set('kept');
    await settleMigration(this.#context, this.#ctid, this.now, 'here');
    throw error;
  }

  async #whose(phase: Migration['phase']): Promise<'here' | 'there'> {
    if (phase === 'asked') return this.#askAgain();
    return phase === 'handed' ? askOrWait(this.#ctid, this.now) : 'here';
  }

  async #askAgain(): Promise<'here' | 'there'> {
    const end = Date.now() + SURELY_OVER_MS;
    for (;;) {
      try {
        return await ask(this.#ctid, this.now);
      } catch (error) {
        if (Date.now() > end) throw error;
      }
      await sleep(AGAIN_MS);
    }
  }
}

/** Somebody has looked where it is. */
export async function settleUndecided(context: Context, ctid: Ctid, whose: 'here' | 'there'): Promise<void> {
  const migration = readMigration(context.paths.migrating(ctid));
  if (migration?.phase !== 'asked')
    throw new CellaError('BAD_VALUE', `no migration of container ${ctid} is undecided`);
  await settleMigration(context, ctid, migration, whose);
}

/** Has it go on here, or be gone from here; whoever is killed in the middle is followed by another. */
export async function settleMigration(
  context: Context,
  ctid: Ctid,
  migration: Migration,
  whose: 'here' | 'there',
): Promise<void> {
  const path = context.paths.migrating(ctid);
  const staging = stagingOf(leavingOf(context, ctid));
  const running = findRunning(context, ctid);
  using init = running?.init;
  if (whose === 'here') {
    removeDump(staging);
    if (running) await goOnHere(context, running, migration);
    return removeMigration(path);
  }
  if (migration.phase !== 'kept') writeMigration(path, { ...migration, phase: 'kept' });
  faultPoint('migrate.kept');
  init?.kill('SIGKILL');
  await init?.wait();
  const swept = await takeAway(context, ctid);
  removeDump(staging);
  removeDump(dumpOf(context, ctid));
  faultPoint('migrate.gone');
  await forget(context, ctid, migration);
  rmSync(path, { force: true });
  if (swept?.failure) throw swept.failure;
}

async function goOnHere(context: Context, running: Running, { phase }: Migration): Promise<void> {
  const { ctid, network } = running.record;
  if (network && phase !== 'sending')
    await leadBack(network).catch((error: Error) => {
      warn(
        context,
        ctid,
        `nothing leads to its addresses ("cella network repair" may help): ${error.message}`,
      );
    });
  await letGoOn(running);
}

async function forget(context: Context, ctid: Ctid, { remove }: Migration): Promise<void> {
  const config = context.paths.config(ctid);
  if (!existsSync(config)) return;
  if (remove) return destroyLocked(context, ctid);
  setScriptsAside(context, ctid);
  renameSync(config, `${config}.migrated`);
}
