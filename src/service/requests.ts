/** Reading requests and writing answers of the JSON API: bounded in size, and in time by the server's own limits. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CellaError, type ErrorCode, firstCoded } from '../errors.js';

const BODY_BYTES = 64 * 1024;

export type Json = Readonly<Record<string, unknown>>;

/** The body as an object; none is an empty one. */
export async function readJson(request: IncomingMessage): Promise<Json> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > BODY_BYTES)
      throw new CellaError('BAD_VALUE', `the request is larger than ${BODY_BYTES} bytes`);
    parts.push(part);
  }
  if (size === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(parts).toString());
  } catch (cause) {
    throw new CellaError('BAD_VALUE', 'the request is not JSON', { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new CellaError('BAD_VALUE', 'the request is not a JSON object');
}

/** Only flags are asked for: true, false or absent. */
export function readFlags<Name extends string>(
  json: Json,
  ...names: readonly Name[]
): Readonly<Record<Name, boolean>> {
  for (const [name, value] of Object.entries(json)) {
    if (!names.includes(name as Name))
      throw new CellaError('BAD_OPTION', `unknown field '${name.slice(0, 64)}'`);
    if (typeof value !== 'boolean') throw new CellaError('BAD_VALUE', `'${name}' must be true or false`);
  }
  return Object.fromEntries(names.map((name) => [name, json[name] === true])) as Record<Name, boolean>;
}

/** Of a terminal. */
export function readSize(json: Json): { readonly rows: number; readonly columns: number } {
  const whole = (name: string): number => {
    const value = json[name];
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536) return value;
    throw new CellaError('BAD_VALUE', `'${name}' must be a number from 1 to 65535`);
  };
  return { rows: whole('rows'), columns: whole('columns') };
}

export function answer(response: ServerResponse, status: number, value: unknown): void {
  const text = `${JSON.stringify(value, (_, at) => (typeof at === 'bigint' ? Number(at) : at))}\n`;
  response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

const STATUS: Partial<Readonly<Record<ErrorCode, number>>> = {
  NO_CONFIG: 404,
  BAD_VALUE: 400,
  BAD_OPTION: 400,
  ALREADY_RUNNING: 409,
  NOT_RUNNING: 409,
  LOCKED: 409,
  DISABLED: 409,
  OVERCOMMIT: 409,
  SUSPEND_FAILED: 409,
  RESUME_FAILED: 409,
};

/** As `{ error, message, hint }`. */
export function answerFailure(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy();
  const coded = firstCoded(error);
  const message = error instanceof Error ? error.message : String(error);
  answer(response, (coded && STATUS[coded.code]) ?? 500, {
    error: coded?.code ?? 'SYSTEM',
    message: coded?.message ?? message,
    ...(coded?.hint === undefined ? {} : { hint: coded.hint }),
  });
}
