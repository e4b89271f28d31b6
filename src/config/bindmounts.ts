/** BINDMOUNT: directories of the host in a container. */
import { list } from './value-type.js';
import { bad, parsePath } from './values.js';

export const BIND_FLAGS = ['ro', 'nosuid', 'noexec', 'nodev'] as const;
export type BindFlag = (typeof BIND_FLAGS)[number];

export interface BindMount {
  /** On the host; undefined: a directory of the private area, made for it. */
  readonly source: string | undefined;
  /** In the container. */
  readonly target: string;
  readonly flags: readonly BindFlag[];
}

export const BINDMOUNT = list('[SRC:]DST[,ro][,nosuid][,noexec][,nodev]', parseBindMount, format, {
  keyOf: (item) => parseBindMount(item).target,
  key: (text) => normalPath(text),
});

function parseBindMount(text: string): BindMount {
  const [paths = '', ...flags] = text.split(',');
  const [first = '', second, ...rest] = paths.split(':');
  const unknown = flags.find((flag) => !(BIND_FLAGS as readonly string[]).includes(flag));
  if (unknown !== undefined) throw bad('BAD_VALUE', 'unknown flag of a bind mount', unknown);
  if (rest.length > 0) throw bad('BAD_VALUE', '[SOURCE:]TARGET expected', paths);
  return {
    source: second === undefined ? undefined : normalPath(first),
    target: normalPath(second ?? first),
    flags: BIND_FLAGS.filter((flag) => flags.includes(flag)),
  };
}

function format({ source, target, flags }: BindMount): string {
  return [source === undefined ? target : `${source}:${target}`, ...flags].join(',');
}

function normalPath(text: string): string {
  const path = parsePath(text)
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
  if (/[\s,:;]/.test(path)) throw bad('BAD_VALUE', 'path has a character that is not allowed', text);
  return `/${path}`;
}
