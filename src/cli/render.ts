/** Library events as vzctl's lines. */
import type { HostEvent } from '../events.js';
import type { ToldEvent } from '../service/events.js';

const LEFT = {
  create: 'creation',
  destroy: 'removal',
  start: 'run',
  suspend: 'suspension',
  resume: 'resumption',
  migration: 'migration',
  run: 'throw-away run',
  snapshot: 'change of the snapshots',
  replacement: 'replacement of the private area',
  move: 'move',
  script: 'action script',
} as const;

/** A line about a container; `aside`: not an answer to the command, so not for its standard output. */
export interface Line {
  readonly text: string;
  readonly aside: boolean;
}

/** What the node service tells, as one line. */
export function describeTold({ time: _, type, ctid, ...details }: ToldEvent): string {
  const subject = ctid === undefined ? '' : `container ${ctid} `;
  const rest = Object.entries(details)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => (name === 'message' ? `: ${value}` : ` ${name}=${value}`));
  return `${subject}${type}${rest.join('')}`;
}

/** undefined: nothing that a command does not say itself. */
export function describeEvent(event: HostEvent): Line | undefined {
  switch (event.type) {
    case 'mounted':
      return { text: 'Container is mounted', aside: false };
    case 'unmounted':
      return { text: 'Container is unmounted', aside: false };
    case 'removing':
      return { text: `Destroying container private area: ${event.privateArea}`, aside: false };
    case 'warning':
      return { text: `Warning: ${event.message}`, aside: true };
    case 'script':
      return { text: `${event.script}: ${event.line}`, aside: false };
    case 'recovered':
      return {
        text: `Took away what an interrupted ${LEFT[event.left]} of container ${event.ctid} had left`,
        aside: true,
      };
    default:
      return undefined;
  }
}
