/** Rows as a table or as JSON, with fields to choose from. */
import { CellaError } from '../errors.js';

export interface Field<Row> {
  readonly name: string;
  readonly title: string;
  readonly width: number;
  readonly right: boolean;
  /** Whether a longer cell is cut to the width, unless it is the last one of its line. */
  readonly trim?: boolean;
  /** As a cell; '' where there is nothing. */
  text(row: Row): string;
  /** As JSON. */
  value(row: Row): unknown;
}

/** One whose text is its value too, named as its title. */
export function column<Row>(
  title: string,
  width: number,
  text: (row: Row) => string,
  { right = false } = {},
): Field<Row> {
  return { name: title.toLowerCase(), title, width, right, text, value: text };
}

/** `names`: separated by commas. */
export function findFields<Row>(fields: readonly Field<Row>[], names: string): readonly Field<Row>[] {
  return names.split(',').map((name) => {
    const found = fields.find((field) => field.name === name);
    if (found) return found;
    throw new CellaError('BAD_OPTION', `unknown field '${name.slice(0, 64)}'`, {
      hint: 'See -L for those that there are.',
    });
  });
}

export interface TableOptions {
  readonly header: boolean;
  /** What an empty cell shows; default "-". */
  readonly empty?: string;
  /** False: no cell is cut. */
  readonly trim?: boolean;
}

export function table<Row>(
  rows: readonly Row[],
  fields: readonly Field<Row>[],
  { header, empty = '-', trim = true }: TableOptions,
): string {
  const last = fields.length - 1;
  const cut = ({ trim: isLong = false, width }: Field<Row>, i: number, text: string): string =>
    trim && isLong && i < last && text.length > width ? `${text.slice(0, width - 1)}…` : text;
  const head = fields.map(({ title }) => title);
  const body = rows.map((row) =>
    fields.map((field, i) => cut(field, i, printable(field.text(row))) || empty),
  );
  const lines = header ? [head, ...body] : body;
  const widths = fields.map((field, i) =>
    lines.reduce((widest, cells) => Math.max(widest, cells[i]?.length ?? 0), field.width),
  );
  const pad = (text: string, i: number): string => {
    if (fields[i]?.right) return text.padStart(widths[i] ?? 0);
    return i === last ? text : text.padEnd(widths[i] ?? 0);
  };
  return lines.map((cells) => `${cells.map(pad).join(' ')}\n`).join('');
}

/**
 * What others have written may hold escape sequences, and marks that turn the direction of writing; a terminal must
 * not see them.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '?');
}

export function json<Row>(rows: readonly Row[], fields: readonly Field<Row>[]): string {
  const objects = rows.map((row) => {
    const members = fields.map((field) => `    ${JSON.stringify(field.name)}: ${literal(field.value(row))}`);
    return `  {\n${members.join(',\n')}\n  }`;
  });
  return `[\n${objects.join(',\n')}${objects.length > 0 ? '\n' : ''}]\n`;
}

/** 64-bit limits as literals, which a JavaScript number could not hold. */
export function literal(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null)
    // A terminal acts upon some of what JSON need not escape.
    return JSON.stringify(value).replace(
      /[\x7f-\x9f\p{Bidi_Control}]/gu,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  return `{${Object.entries(value)
    .map(([key, member]) => `${JSON.stringify(key)}: ${literal(member)}`)
    .join(', ')}}`;
}
