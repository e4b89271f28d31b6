/** Completion for zsh: a specification of _arguments for each command. */
import { type Kind, type Place, PROGRAMS, places } from './words.js';

export function zshCompletion(): string {
  const all = PROGRAMS.flatMap((program) => places(program));
  return `#compdef cella ${PROGRAMS.join(' ')}
# Completion of cella, vzctl and the like in zsh; made by the build.

_cella_containers() {
  local -a containers
  containers=(\${(f)"$(vzlist -a -1 2>/dev/null)"} \${(f)"$(vzlist -a -H -o name 2>/dev/null)"})
  compadd -- \${containers// /}
}

_cella_at() {
  local -a verbs
  case "$1" in
${all.map(caseOf).join('\n')}
  esac
}

_cella() {
  local at=\${words[1]:t}
  [[ $at == cella ]] && at=vzctl
  _cella_at "$at"
}

# Goes on with what the word after a verb is about.
_cella_below() { _cella_at "$1 $words[1]"; }

_cella "$@"
`;
}

function caseOf({ path, verbs, options, arguments: kinds }: Place): string {
  const specs = options.map(({ name, help, value }) =>
    quoted(`*${name}[${escaped(help)}]${value === undefined ? '' : `:value:${actionOf(value)}`}`),
  );
  if (verbs.length === 0) {
    const places = kinds.map((kind, i) => quoted(`${i + 1}:argument:${actionOf(kind)}`));
    return `    ${quoted(path)}) _arguments -S ${[...specs, ...places].join(' ')} ;;`;
  }
  const words = verbs.map(({ name, help }) => quoted(`${name}:${help}`)).join(' ');
  return `    ${quoted(path)})
      verbs=(${words})
      _arguments -S ${[...specs, quoted('1:action:{_describe action verbs}'), quoted(`*::rest:{_cella_below ${quotedInside(path)}}`)].join(' ')} ;;`;
}

function actionOf(kind: Kind): string {
  if (kind === 'file') return '_files';
  if (kind === 'container') return '_cella_containers';
  return kind === 'any' ? ' ' : `(${kind.join(' ')})`;
}

/** Of _arguments: brackets and colons have a meaning. */
function escaped(help: string): string {
  return help.replace(/[[\]:\\]/g, '\\$&');
}

function quoted(words: string): string {
  return `'${words.replaceAll("'", `'\\''`)}'`;
}

function quotedInside(words: string): string {
  return `"${words}"`;
}
