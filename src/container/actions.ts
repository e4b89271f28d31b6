/** A container's action scripts: which there are, running them with a verb, and taking down what they have set up. */
import { randomUUID } from 'node:crypto';
import type { ContainerConfig } from '../config/container-config.js';
import type { CellaError } from '../errors.js';
import { faultPoint } from '../fault.js';
import { umountTree } from '../host/mounts.js';
import { bootId, type ProcessHandle } from '../host/processes.js';
import { endMarked, isScript } from '../host/script.js';
import { ACTIONS, type Action, OPPOSITE, SCOPES, type Scope, scriptName } from '../plan/action-scripts.js';
import {
  readScriptsRecord,
  removeScriptsRecord,
  type ScriptsRecord,
  writeScriptsRecord,
} from '../state/scripts-record.js';
import type { Undo } from '../undo.js';
import type { Context } from './context.js';
import { runScriptFile } from './script-run.js';

/** Seconds for each of those that take back or take down: nobody else can end them. */
const TAKE_DOWN_LIMIT = 60;

interface Place {
  readonly ctid: number;
  readonly root: string;
}

export interface ActionOptions {
  readonly signal?: AbortSignal | undefined;
  /** Gets what undoes each that went well. */
  readonly undo?: Undo | undefined;
  /** Of those that run in the container. */
  readonly into?: { readonly config: ContainerConfig; readonly init: ProcessHandle };
  /** Seconds. */
  readonly limit?: number;
}

/** One verb's. From the first one on, a file names what is to be ended and taken down if the verb is killed. */
export class Actions {
  readonly #context: Context;
  readonly #place: Place;
  readonly #token = randomUUID();
  #stage: Action | undefined;

  constructor(context: Context, { ctid, root }: Place) {
    this.#context = context;
    this.#place = { ctid, root };
  }

  /** Undefined: there are none for that container. */
  static find(context: Context, place: Place): Actions | undefined {
    const actions = new Actions(context, place);
    const some = ACTIONS.some((action) => actions.has(action));
    return some || readScriptsRecord(context.paths.scripts(place.ctid)) ? actions : undefined;
  }

  has(action: Action): boolean {
    return SCOPES.some((scope) => isScript(this.#pathOf(scope, action)));
  }

  async run(action: Action, options: ActionOptions = {}): Promise<void> {
    for (const scope of SCOPES) {
      await this.#runOne(scope, action, options);
      const opposite = OPPOSITE[action];
      if (opposite && isScript(this.#pathOf(scope, action)))
        options.undo?.push(`run ${scriptName(scope, action, this.#place.ctid)}`, () =>
          this.#runOne(scope, opposite, { limit: TAKE_DOWN_LIMIT }),
        );
    }
  }

  /** All of them, whatever becomes of one; returns why the first one failed. */
  async runDown(action: Action): Promise<CellaError | undefined> {
    let first: CellaError | undefined;
    for (const scope of SCOPES)
      await this.#runOne(scope, action, { limit: TAKE_DOWN_LIMIT }).catch((error: CellaError) => {
        first ??= error;
      });
    return first;
  }

  /** From now on what they have set up stays until it is taken down. */
  settle(): void {
    if (this.#stage !== undefined) this.#note(this.#stage, null);
  }

  forget(): void {
    removeScriptsRecord(this.#context.paths.scripts(this.#place.ctid));
  }

  async #runOne(
    scope: Scope,
    action: Action,
    { signal, into, limit }: Omit<ActionOptions, 'undo'>,
  ): Promise<void> {
    const path = this.#pathOf(scope, action);
    if (this.#stage !== action) this.#note(action, this.#token);
    if (!isScript(path)) return;
    const { ctid, root } = this.#place;
    const { paths } = this.#context;
    await runScriptFile(this.#context, {
      name: scriptName(scope, action, ctid),
      path,
      subject: { ctid, root, config: paths.config(ctid) },
      token: this.#token,
      into,
      signal,
      limit,
    });
    faultPoint(`script.${action}`);
  }

  #pathOf(scope: Scope, action: Action): string {
    return `${this.#context.paths.configDir}/${scriptName(scope, action, this.#place.ctid)}`;
  }

  #note(stage: Action, running: string | null): void {
    this.#stage = stage;
    const { ctid, root } = this.#place;
    writeScriptsRecord(this.#context.paths.scripts(ctid), {
      version: 1,
      bootId: bootId(),
      root,
      stage,
      running,
    });
  }
}

/**
 * Unmounts a container that runs no more by `release`, with the scripts that go with that if it was mounted with any.
 * Returns why one of them failed: the others were run all the same.
 */
export async function takeDown(
  context: Context,
  place: Place,
  release: () => Promise<void>,
): Promise<CellaError | undefined> {
  const record = readScriptsRecord(context.paths.scripts(place.ctid));
  if (record?.bootId !== bootId()) {
    if (record) removeScriptsRecord(context.paths.scripts(place.ctid));
    await release();
    return undefined;
  }
  if (record.running !== null) await endMarked(record.running);
  const actions = new Actions(context, place);
  const wasMounted = record.stage !== 'premount' && record.stage !== 'postumount';
  const umount = wasMounted ? await actions.runDown('umount') : undefined;
  await umountTree(place.root);
  await release();
  const postumount = await actions.runDown('postumount');
  actions.forget();
  return umount ?? postumount;
}

/** A verb that was killed with scripts of its own under way; `isRunning`: the container is. */
export async function finishScripts(
  context: Context,
  ctid: number,
  isRunning: () => boolean,
): Promise<ScriptsRecord | undefined> {
  const path = context.paths.scripts(ctid);
  const record = readScriptsRecord(path);
  if (!record || (record.bootId === bootId() && record.running === null)) return undefined;
  if (record.bootId !== bootId()) {
    removeScriptsRecord(path);
    return undefined;
  }
  if (record.stage === 'create') {
    await endMarked(record.running ?? '');
    removeScriptsRecord(path);
  } else if (isRunning()) {
    // What a start has set up is in use; a stop's are to go.
    if (record.stage === 'stop') await endMarked(record.running ?? '');
    writeScriptsRecord(path, { ...record, running: null });
  } else {
    const failure = await takeDown(context, { ctid, root: record.root }, async () => undefined);
    if (failure) warn(context, ctid, failure.message);
  }
  return record;
}

export function warn({ report }: Context, ctid: number, message: string): void {
  report({ type: 'warning', ctid, message });
}
