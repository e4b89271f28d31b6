/** manifest.json, the first member of a backup: what it is of, and what else it takes to restore it. */
import { LAST_RESERVED_CTID, MAX_CTID } from '../config/ctid.js';
import { CellaError } from '../errors.js';
import { isObject, type JsonObject, listOf, parseObject } from '../template/json.js';
import { isTemplateName } from '../template/manifest.js';

/** How the container was kept still. `stopped`: it did not run. */
export type BackupMode = 'snapshot' | 'suspend' | 'stop';

export interface BackupManifest {
  readonly version: 1;
  readonly ctid: number;
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly kind: 'full' | 'incremental';
  readonly mode: BackupMode | 'stopped';
  /** The backup that an incremental one adds to. */
  readonly base: BackupBase | null;
  readonly template: { readonly name: string; readonly digest: string | null } | null;
  /** Whether the container was an overlay of its template, and what held it. */
  readonly layout: string;
  /** Patterns of what was left out. */
  readonly excluded: readonly string[];
  /** Files of every kind in the tree; those that are stored here; bytes of these. */
  readonly entries: number;
  readonly stored: number;
  readonly bytes: number;
}

export interface BackupBase {
  /** As its end states it: no other file is this one. */
  readonly digest: string;
  /** What it was called. */
  readonly file: string;
}

const NAME_MAX = 255;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function isDigest(value: unknown): value is string {
  return typeof value === 'string' && DIGEST.test(value);
}

/** Checks every field: it comes with the archive. */
export function parseBackupManifest(text: string): BackupManifest {
  const json = parseObject(text, 'manifest.json');
  const manifest = {
    version: take(json, 'version', (value): value is 1 => value === 1),
    ctid: take(json, 'ctid', isCtid),
    date: take(json, 'date', isTimestamp),
    kind: take(json, 'kind', isOneOf('full', 'incremental')),
    mode: take(json, 'mode', isOneOf('stopped', 'snapshot', 'suspend', 'stop')),
    base: baseOf(json.base),
    template: templateOf(json.template),
    layout: take(json, 'layout', isWord),
    excluded: listOf(json.excluded, isLine) ?? wrong('excluded'),
    entries: take(json, 'entries', isCount),
    stored: take(json, 'stored', isCount),
    bytes: take(json, 'bytes', isCount),
  };
  if ((manifest.kind === 'incremental') !== (manifest.base !== null)) wrong('base');
  return manifest;
}

function wrong(name: string): never {
  throw new CellaError('CREATE_FAILED', `the backup's manifest has no valid '${name}'`);
}

function take<T>(json: JsonObject, name: string, is: (value: unknown) => value is T): T {
  const value = Object.hasOwn(json, name) ? json[name] : undefined;
  return is(value) ? value : wrong(name);
}

function baseOf(value: unknown): BackupBase | null {
  if (value === null) return null;
  if (!isObject(value)) return wrong('base');
  const { digest, file } = value;
  return isDigest(digest) && isFileName(file) ? { digest, file } : wrong('base');
}

function templateOf(value: unknown): BackupManifest['template'] {
  if (value === null) return null;
  if (!isObject(value)) return wrong('template');
  const { name, digest } = value;
  if (typeof name !== 'string' || !isTemplateName(name)) return wrong('template');
  return digest === null || isDigest(digest) ? { name, digest } : wrong('template');
}

function isCtid(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > LAST_RESERVED_CTID && Number(value) <= MAX_CTID;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isTimestamp(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 32) return false;
  const time = new Date(value);
  return !Number.isNaN(time.getTime()) && time.toISOString() === value;
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z:]{1,32}$/.test(value);
}

/** A single one, which a directory can have: it is looked for beside the backup. */
function isFileName(value: unknown): value is string {
  return isLine(value) && /^(?!\.{0,2}$)[^/]+$/.test(value) && Buffer.byteLength(value) <= NAME_MAX;
}

/** It ends up on terminals. */
function isLine(value: unknown): value is string {
  return typeof value === 'string' && /^\P{Cc}{0,4096}$/u.test(value);
}

function isOneOf<T extends string>(...words: readonly T[]): (value: unknown) => value is T {
  return (value): value is T => words.some((word) => word === value);
}
