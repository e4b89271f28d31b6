/** What a template says of itself: how its init is started and stopped. */
import { CellaError } from '../errors.js';

export interface TemplateManifest {
  readonly version: 1;
  readonly name: string;
  readonly description: string;
  readonly init: readonly string[];
  /** Asks init to power off. */
  readonly stopSignal: string;
  /** Run inside: ends with 0 once the guest is up. Empty: nobody can tell. */
  readonly ready: readonly string[];
}

/** `path` is for complaints. */
export function parseManifest(text: string, path: string): TemplateManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CellaError('INVALID_CONFIG', `'${path}' is not JSON`, { cause });
  }
  if (!isManifest(value)) throw new CellaError('INVALID_CONFIG', `'${path}' is not a template manifest`);
  const { version, name, description, init, stopSignal, ready } = value;
  return { version, name, description, init, stopSignal, ready };
}

function isManifest(value: unknown): value is TemplateManifest {
  if (typeof value !== 'object' || value === null) return false;
  const { version, name, description, init, stopSignal, ready } = value as Record<string, unknown>;
  const texts = [name, description].every((text) => typeof text === 'string');
  return version === 1 && texts && isSignal(stopSignal) && isWords(init) && isWords(ready);
}

function isSignal(value: unknown): boolean {
  return typeof value === 'string' && /^SIG[A-Z0-9]{2,10}$/.test(value);
}

function isWords(value: unknown): boolean {
  return Array.isArray(value) && value.every((word) => typeof word === 'string' && !word.includes('\0'));
}
