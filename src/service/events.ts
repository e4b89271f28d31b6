/** What happens to containers, told to everybody who listens. */
import type { Ctid } from '../config/ctid.js';
import type { HostEvent } from '../events.js';

/** How a container came to run no more; unknown: it was started when there was no keeper. */
export type Ending = 'stopped' | 'rebooted' | 'powered-off' | 'died' | 'unknown';

export type ServiceEvent =
  | HostEvent
  /** One runs, whoever has started it; adopted: since before the service came. */
  | { readonly type: 'started' | 'adopted'; readonly ctid: Ctid; readonly pid: number }
  | {
      readonly type: 'ended';
      readonly ctid: Ctid;
      readonly how: Ending;
      readonly code: number | null;
      readonly signal: number | null;
    }
  | { readonly type: 'created' | 'destroyed'; readonly ctid: Ctid }
  /** It will be started again after a pause. */
  | { readonly type: 'waiting'; readonly ctid: Ctid; readonly milliseconds: number };

/** As JSON has it. */
export interface ToldEvent {
  readonly time: string;
  readonly type: ServiceEvent['type'] | 'listening';
  readonly [detail: string]: unknown;
}

type Listener = (event: ToldEvent) => void;

export class Events {
  readonly #listeners = new Set<Listener>();

  tell(event: ServiceEvent): void {
    const told = toldAs(event);
    for (const listener of this.#listeners) listener(told);
  }

  /** Returns how to stop. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function toldAs(event: ServiceEvent): ToldEvent {
  const time = new Date().toISOString();
  if (event.type !== 'failed') return { time, ...event };
  const { error, ...rest } = event;
  return { time, ...rest, message: error instanceof Error ? error.message : String(error) };
}
