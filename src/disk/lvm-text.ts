/** The text in which LVM keeps its metadata: sections, numbers, strings and lists. */
import { badImage } from './source.js';

export type Value = number | string | readonly Value[] | Section;
export type Section = ReadonlyMap<string, Value>;

const MAX_DEPTH = 16;
const TOKEN = /\s+|#[^\n]*|"((?:[^"\\]|\\.)*)"|(-?\d+(?:\.\d+)?)(?![\w.-])|([\w.+-]+)|([{}[\]=,])/suy;

interface Token {
  readonly kind: 'string' | 'number' | 'word' | 'mark';
  readonly text: string;
}

export function parseLvmText(text: string): Section {
  const tokens = tokenize(text);
  let at = 0;
  const peek = (): Token | undefined => tokens[at];
  const take = (mark?: string): Token => {
    const token = tokens[at++];
    if (!token || (mark !== undefined && (token.kind !== 'mark' || token.text !== mark))) throw broken();
    return token;
  };
  const is = (mark: string): boolean => peek()?.kind === 'mark' && peek()?.text === mark;

  const section = (depth: number): Section => {
    if (depth > MAX_DEPTH) throw broken();
    const values = new Map<string, Value>();
    while (peek() && !is('}')) {
      const name = take();
      if (name.kind === 'mark') throw broken();
      if (is('{')) {
        take();
        values.set(name.text, section(depth + 1));
        take('}');
      } else {
        take('=');
        values.set(name.text, value());
      }
    }
    return values;
  };
  const value = (): Value => {
    if (!is('[')) return scalar(take());
    take();
    const list: Value[] = [];
    while (!is(']')) {
      list.push(scalar(take()));
      if (is(',')) take();
    }
    take();
    return list;
  };

  const top = section(0);
  if (peek()) throw broken();
  return top;
}

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (!match) throw broken();
    const [, quoted, number, word, mark] = match;
    if (quoted !== undefined) tokens.push({ kind: 'string', text: quoted.replace(/\\(.)/gsu, '$1') });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark });
  }
  return tokens;
}

function scalar(token: Token): Value {
  if (token.kind === 'number') return Number(token.text);
  if (token.kind === 'string') return token.text;
  throw broken();
}

/** Typed looks into a section; undefined: not there, or of another kind. */
export function sectionOf(section: Section | undefined, name: string): Section | undefined {
  const value = section?.get(name);
  return value instanceof Map ? value : undefined;
}

export function textOf(section: Section | undefined, name: string): string | undefined {
  const value = section?.get(name);
  return typeof value === 'string' ? value : undefined;
}

/** A number that counts something. */
export function countOf(section: Section, name: string): number {
  const value = section.get(name);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw badImage(`LVM metadata state no usable ${name}`);
}

function broken(): Error {
  return badImage('the LVM metadata of the disk image cannot be read');
}
