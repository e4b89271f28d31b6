/** Looking at strangers' JSON: nothing has a type until it was looked at. */
import { CellaError } from '../errors.js';

export type JsonObject = Readonly<Record<string, unknown>>;

/** `name` is for complaints. */
export function parseObject(text: string, name: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CellaError('CREATE_FAILED', `'${name}' is not JSON`, { cause });
  }
  if (isObject(value)) return value;
  throw new CellaError('CREATE_FAILED', `'${name}' is not a JSON object`);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** undefined unless it is a list of nothing else. */
export function listOf<T>(value: unknown, is: (item: unknown) => item is T): readonly T[] | undefined {
  return Array.isArray(value) && value.every((item) => is(item)) ? value : undefined;
}
