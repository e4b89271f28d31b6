/** Completion for bash: one function over tables of words. */
import { type Kind, type Place, PROGRAMS, places } from './words.js';

export function bashCompletion(): string {
  const all = PROGRAMS.flatMap((program) => places(program));
  return `# Completion of cella, vzctl and the like in bash; made by the build.

_cella_containers() { vzlist -a -1 2>/dev/null; vzlist -a -H -o name 2>/dev/null; }

# Verbs, options, kinds of the values of options and of arguments, by command.
_cella_verbs() { case "$1" in
${table(all, ({ verbs }) => verbs.map(({ name }) => name).join(' '))}
esac; }
_cella_options() { case "$1" in
${table(all, ({ options }) => options.map(({ name }) => name).join(' '))}
esac; }
_cella_value() { case "$1" in
${all.flatMap(valuesOf).join('\n')}
esac; }
_cella_argument() { case "$1" in
${all.flatMap(argumentsOf).join('\n')}
esac; }

_cella() {
  local command=\${1##*/} cur=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local path i word kind place=0 words
  [ "$command" = cella ] && command=vzctl
  path=$command
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    # The value of an option is neither a verb nor an argument.
    if [[ $word == -* ]]; then
      [ -n "$(_cella_value "$path $word")" ] && ((i++))
    elif [[ " $(_cella_verbs "$path") " == *" $word "* ]]; then
      path="$path $word"
    else
      ((place++))
    fi
  done
  kind=
  [[ $previous == -* ]] && kind=$(_cella_value "$path $previous")
  if [ -z "$kind" ]; then
    if [[ $cur == -* ]]; then
      kind="= $(_cella_options "$path")"
    else
      words=$(_cella_verbs "$path")
      kind=\${words:+= $words}
      [ -n "$kind" ] || kind=$(_cella_argument "$path $place")
    fi
  fi
  case "$kind" in
    '= '*) words=\${kind#= } ;;
    container) words=$(_cella_containers) ;;
    file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
    *) COMPREPLY=(); return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _cella cella ${PROGRAMS.join(' ')}
`;
}

function table(all: readonly Place[], wordsOf: (place: Place) => string): string {
  return all
    .map((place) => [place.path, wordsOf(place)] as const)
    .filter(([, words]) => words !== '')
    .map(([path, words]) => `  '${path}') echo '${words}' ;;`)
    .join('\n');
}

/** Every option with a value, even one of which nothing is known: what follows it is no verb. */
function valuesOf({ path, options }: Place): readonly string[] {
  return options.flatMap(({ name, value }) =>
    value === undefined ? [] : [`  '${path} ${name}') echo '${kindWords(value)}' ;;`],
  );
}

function argumentsOf({ path, arguments: kinds }: Place): readonly string[] {
  return kinds.map((kind, place) => `  '${path} ${place}') echo '${kindWords(kind)}' ;;`);
}

function kindWords(kind: Kind): string {
  return typeof kind === 'string' ? kind : `= ${kind.join(' ')}`;
}
