/** Which scripts of the operator go with what is done to a container, and what they are told. */

/** On the host, but for `start` and `stop`, which run in the container. */
export const ACTIONS = ['premount', 'mount', 'start', 'stop', 'umount', 'postumount'] as const;

export type Action = (typeof ACTIONS)[number];

/** What undoes it. */
export const OPPOSITE: Partial<Readonly<Record<Action, Action>>> = {
  premount: 'postumount',
  mount: 'umount',
};

const INSIDE: ReadonlySet<Action> = new Set(['start', 'stop']);

export function isInside(action: Action): boolean {
  return INSIDE.has(action);
}

/** The one for all containers first, then the container's own. */
export const SCOPES = ['vps', 'own'] as const;
export type Scope = (typeof SCOPES)[number];

export function scriptName(scope: Scope, action: Action, ctid: number): string {
  return `${scope === 'vps' ? 'vps' : ctid}.${action}`;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface ScriptSubject {
  readonly ctid: number;
  /** Its configuration file. */
  readonly config: string;
  readonly root: string;
  readonly privateArea?: string;
}

/** The whole environment of one on the host; `token` marks what it starts. */
export function hostEnvironment(subject: ScriptSubject, token: string): Readonly<Record<string, string>> {
  const { ctid, config, root, privateArea } = subject;
  return {
    PATH,
    HOME: '/',
    VEID: String(ctid),
    VE_CONFFILE: config,
    VE_ROOT: root,
    ...(privateArea === undefined ? {} : { VE_PRIVATE: privateArea }),
    [TOKEN]: token,
  };
}

/** The same of one in the container, which has no use for paths of the host. */
export function insideEnvironment(ctid: number, token: string): Readonly<Record<string, string>> {
  return { VEID: String(ctid), [TOKEN]: token };
}

export const TOKEN = 'CELLA_SCRIPT';
