/** A config of OpenVZ's as one of ours: which of its lines count here, which are kept for nothing, and which change. Pure. */
import { CellaError } from '../errors.js';
import { formatAddress } from './address.js';
import { ADDRESSES } from './addresses.js';
import { readList } from './edits.js';
import {
  type ConfigFile,
  formatConfig,
  getSettings,
  type Line,
  parseConfig,
  updateConfig,
} from './grammar.js';
import { addressesOf, NETIF } from './interfaces.js';
import { parseLayout, type Store } from './layout.js';
import { findByKey } from './parameters.js';
import { formatLimit } from './units.js';
import { type ListRules, PAGES } from './value-type.js';

export interface Kept {
  readonly key: string;
  readonly value: string;
}

export interface Ignored extends Kept {
  readonly reason: string;
}

export interface Changed {
  readonly key: string;
  /** Null: it was not there, or is not any more. */
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string;
}

export interface ImportedConfig {
  readonly text: string;
  /** What counts here as it stands. */
  readonly used: readonly Kept[];
  /** What stays in the file without effect. */
  readonly ignored: readonly Ignored[];
  readonly changed: readonly Changed[];
}

/** What is only known where it is imported. */
export interface ImportFacts {
  /** Whether a template of that name is here; the container needs none. */
  readonly hasTemplate: (name: string) => boolean;
  /** Whether another container has the name. */
  readonly isNameTaken: (name: string) => boolean;
}

const NEWER_NAMES: Readonly<Record<string, string>> = {
  DCACHE: 'DCACHESIZE',
  IPTENTRIES: 'NUMIPTENT',
  TCPSENDBUF: 'TCPSNDBUF',
  TOTVMPAGES: 'PRIVVMPAGES',
  IPCSHMPAGES: 'SHMPAGES',
  ANONSHPAGES: 'SHMPAGES',
  RSSPAGES: 'PHYSPAGES',
  OOMGUAR: 'OOMGUARPAGES',
  NUMSOCK: 'NUMTCPSOCK',
  UNIXSOCKBUF: 'OTHERSOCKBUF',
  SOCKRCVBUF: 'DGRAMRCVBUF',
  NUMUNIXSOCK: 'NUMOTHERSOCK',
};

/** For this host to say. */
const OWN: Readonly<Record<string, string>> = {
  VE_ROOT: 'containers are mounted where this host has them',
  VE_PRIVATE: 'containers lie where this host has them',
  VEID: 'the id is that of the file',
  LOCAL_UID: 'user ids are given out by this host',
  LOCAL_GID: 'user ids are given out by this host',
};

export function importConfig(text: string, facts: ImportFacts): ImportedConfig {
  const editor = new Editor(parseConfig(text.replaceAll('\r\n', '\n')));
  editor.commentBroken();
  for (const [old, key] of Object.entries(NEWER_NAMES)) editor.rename(old, key);
  editor.dropRepeated();
  for (const [key, reason] of Object.entries(OWN)) editor.set(key, null, reason);
  editor.dropBad();
  settle(editor, facts);
  return editor.result();
}

/** What holds the private area: as OpenVZ's word had it, or whatever is best here. */
export function importedStore(layout: string | undefined): Store | 'auto' {
  try {
    return layout === undefined ? 'auto' : parseLayout(layout).store;
  } catch {
    return 'auto';
  }
}

function settle(editor: Editor, { hasTemplate, isNameTaken }: ImportFacts): void {
  const template = editor.get('OSTEMPLATE');
  if (template !== undefined && !hasTemplate(template))
    editor.set('OSTEMPLATE', null, 'there is no such template here, and none is needed');
  const name = editor.get('NAME');
  if (name !== undefined && isNameTaken(name)) editor.set('NAME', null, 'another container has that name');
  if (editor.get('DISK_QUOTA') === 'no')
    for (const key of ['DISKSPACE', 'DISKINODES'])
      editor.set(key, null, 'DISK_QUOTA is no: there was no limit');
  limitMemory(editor);
  settleNetwork(editor);
}

/** What 32 bits could count was no limit either. */
const OLD_UNLIMITED = 2_147_483_647n;

/** Only VSwap limits what is used; older beancounters limited what could be allocated, which mainline cannot. */
function limitMemory(editor: Editor): void {
  const limitOf = (key: string): bigint | undefined => {
    const text = editor.get(key);
    const limit = text === undefined ? undefined : PAGES.parse(text).limit;
    return limit === undefined || limit >= OLD_UNLIMITED ? undefined : limit;
  };
  if (limitOf('PHYSPAGES') !== undefined) return;
  const allocated = limitOf('PRIVVMPAGES');
  if (allocated === undefined || allocated === 0n) return;
  const reason = `memory was limited by PRIVVMPAGES, ${allocated} pages of ram and swap together`;
  editor.set('PHYSPAGES', formatLimit({ barrier: 0n, limit: allocated }), reason);
  if (limitOf('SWAPPAGES') === undefined)
    editor.set('SWAPPAGES', formatLimit({ barrier: 0n, limit: 0n }), reason);
}

/** What each value by itself does not show. */
function settleNetwork(editor: Editor): void {
  editor.set('NAT_ADDRESS', null, 'private addresses are given out by this host');
  const interfaces = NETIF.parse(editor.list('NETIF'));
  const allowed = editor.get('NUMNETIF');
  if (allowed !== undefined && Number(allowed) < interfaces.length)
    editor.set('NUMNETIF', null, `there are ${interfaces.length} interfaces`);
  const own = interfaces.flatMap(addressesOf);
  const routed = ADDRESSES.parse(editor.list('IP_ADDRESS'));
  const others = routed.filter(({ address }) => !own.some((one) => one.address === address));
  const left = others.map(formatAddress).join(' ') || null;
  if (others.length < routed.length) editor.set('IP_ADDRESS', left, 'an interface of NETIF has that address');
}

class Editor {
  #file: ConfigFile;
  readonly #changed: Changed[] = [];

  constructor(file: ConfigFile) {
    this.#file = file;
  }

  get(key: string): string | undefined {
    return getSettings(this.#file).get(key)?.value || undefined;
  }

  /** Of all lines. */
  list(key: string): string {
    const rules = findByKey(key)?.value.list;
    return rules ? readList(this.#file.lines, key, rules) : '';
  }

  set(key: string, to: string | null, reason: string): void {
    const from = getSettings(this.#file).get(key)?.value ?? null;
    const file = updateConfig(this.#file, new Map([[key, to]]));
    // Of a list it may be another line that goes.
    if (formatConfig(file) === formatConfig(this.#file)) return;
    this.#file = file;
    this.#changed.push({ key, from, to, reason });
  }

  rename(old: string, key: string): void {
    const value = this.get(old);
    if (value === undefined) return;
    this.set(old, null, this.get(key) === undefined ? `it is called ${key} now` : `${key} says it already`);
    if (this.get(key) === undefined && this.#isGood(key, value)) this.set(key, value, `it was called ${old}`);
  }

  /** A shell would not read them either. */
  commentBroken(): void {
    this.#replace((line) => {
      if (line.kind !== 'broken') return undefined;
      return `# ${line.text.replaceAll('\0', '')}`;
    }, 'it is not of the form KEY="value"');
  }

  /** Of a key that may stand once the first line counts, as for vzctl. */
  dropRepeated(): void {
    const settings = getSettings(this.#file);
    this.#replace((line) => {
      if (line.kind !== 'setting' || settings.get(line.key)?.line === line.number) return undefined;
      const parameter = findByKey(line.key);
      return parameter && !parameter.value.list ? `# ${line.text}` : undefined;
    }, 'an earlier line says it already');
  }

  #replace(comment: (line: Line) => string | undefined, reason: string): void {
    const lines = this.#file.lines.map((line) => {
      const text = comment(line);
      if (text === undefined) return line.text;
      const [key, from] =
        line.kind === 'setting' ? [line.key, line.value] : [`line ${line.number}`, line.text];
      this.#changed.push({ key, from, to: null, reason });
      return text;
    });
    this.#file = parseConfig(lines.join('\n'));
  }

  /** Values that nobody here understands would make the whole file one that cannot be read. */
  dropBad(): void {
    for (const key of getSettings(this.#file).keys()) {
      const rules = findByKey(key)?.value.list;
      const value = rules ? readList(this.#file.lines, key, rules) : (this.get(key) ?? '');
      const complaint = complaintOf(key, value);
      if (complaint !== undefined) this.set(key, goodPart(key, value, rules), complaint);
    }
  }

  #isGood(key: string, value: string): boolean {
    return complaintOf(key, value) === undefined;
  }

  result(): ImportedConfig {
    const settings = [...getSettings(this.#file)];
    const changed = new Set(this.#changed.filter(({ to }) => to !== null).map(({ key }) => key));
    const left = settings.filter(([key, { value }]) => value !== '' && !changed.has(key));
    const used = left.filter(([key]) => whyIgnored(key) === undefined);
    return {
      text: formatConfig(this.#file),
      used: used.map(([key, { value }]) => ({ key, value })),
      ignored: left.flatMap(([key, { value }]) => {
        const reason = whyIgnored(key);
        return reason === undefined ? [] : [{ key, value, reason }];
      }),
      changed: this.#changed,
    };
  }
}

/** Of a list what can be understood; null: nothing. */
function goodPart(key: string, value: string, rules: ListRules | undefined): string | null {
  if (!rules) return null;
  const items = value.split(rules.split).filter((item) => item !== '');
  const good = items.reduce((before, item) => {
    const joined = before === '' ? item : `${before}${rules.separator}${item}`;
    return complaintOf(key, joined) === undefined ? joined : before;
  }, '');
  return good || null;
}

function complaintOf(key: string, value: string): string | undefined {
  const parameter = findByKey(key);
  if (parameter?.scope !== 'container' || value === '') return undefined;
  try {
    parameter.value.parse(value);
    return undefined;
  } catch (error) {
    if (!(error instanceof CellaError)) throw error;
    return error.message;
  }
}

function whyIgnored(key: string): string | undefined {
  const parameter = findByKey(key);
  if (!parameter) return 'nobody here knows it';
  if (parameter.scope === 'host') return 'it counts in vz.conf only';
  return parameter.effect === 'stored' ? `it has no effect here: ${parameter.help}` : undefined;
}
