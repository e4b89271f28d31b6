/** A row of the table of parameters. */
import type { InterfaceField } from '../interfaces.js';
import type { ValueType } from '../value-type.js';

export interface Parameter {
  /** In configuration files; of a parameter that is never saved, its name among changes. */
  readonly key: string;
  /** The option that sets it, as `--ram`; undefined for what no option sets. */
  readonly option: string | undefined;
  /** One letter for it, as `-p`. */
  readonly short?: string;
  readonly value: ValueType;
  /** For usage lines, where it is not that of the value. */
  readonly placeholder?: string;
  readonly help: string;
  /** Of a bare number that the option is given. */
  readonly unit?: Unit;
  /** What holds where nobody says, in words; undefined: no limit, or nothing. */
  readonly default?: string;
  /** Whether `vzctl set` may change it on an existing container. */
  readonly settable: boolean;
  /** Whether a running container feels a change at once. */
  readonly live: boolean;
  /** `stored`: accepted, checked and kept for other tools, since nothing here can or does honour it. */
  readonly effect: 'yes' | 'stored';
  /** Which file it belongs to: CTID.conf (vz.conf then holds a default) or vz.conf alone. */
  readonly scope: 'container' | 'host';
  /** Options of lists: what they do to it. */
  readonly edit: 'set' | 'remove';
  /** The part of a network interface that the option is about; `ifname` says of which one. */
  readonly field?: InterfaceField;
  /** Whether it lasts in the configuration file. */
  readonly saved: boolean;
  /** Another spelling of an option, not shown. */
  readonly hidden: boolean;
}

export type Unit = 'bytes' | 'pages' | 'KiB' | 'MiB/s' | 'percent' | 'seconds' | 'kbit/s';

type Rest = Partial<Omit<Parameter, 'key' | 'option' | 'value' | 'help'>>;

const DEFAULTS = { live: false, effect: 'yes', edit: 'set', saved: true, hidden: false } as const;

/** A parameter of containers. */
export function container(
  [key, option]: readonly [key: string, option?: string],
  value: ValueType,
  help: string,
  rest: Rest = {},
): Parameter {
  return {
    key,
    option,
    value,
    help,
    settable: option !== undefined,
    scope: 'container',
    ...DEFAULTS,
    ...rest,
  };
}

/** One that is kept without effect. */
export function stored(
  names: readonly [key: string, option?: string],
  value: ValueType,
  help: string,
  rest: Rest = {},
): Parameter {
  return container(names, value, help, { effect: 'stored', ...rest });
}

/** A parameter of the host, in vz.conf alone. */
export function host(key: string, value: ValueType, help: string, rest: Rest = {}): Parameter {
  return { key, option: undefined, value, help, settable: false, scope: 'host', ...DEFAULTS, ...rest };
}
