import type { CommandModel, OptionModel, ProgramModel, Values } from "../cli/describe.js";
import { DEFAULT_CONFIG } from "../cli/program.js";

/** Completion for bash from 4.4 on; needs nothing but bash. */
export function bashCompletion({ options, commands }: ProgramModel): string {
  const names = commands.map(({ name }) => name).join(" ");
  return `# bash completion of axon-backup. To have it: axon-backup completion bash > /etc/bash_completion.d/axon-backup

_axon_backup_sinks() { # the names of the sinks, by the files of the configuration
  local file
  for file in "$1"/sinks.d/*.yaml; do
    file=\${file##*/}
    [[ $file == '*.yaml' ]] || printf '%s\\n' "\${file%.yaml}"
  done
}

_axon_backup_channels() { # the names of the channels, as axon-backup reads them
  command axon-backup --config "$1" test-notifications --list 2>/dev/null
}

_axon_backup_takes() { # whether an option of a command ("" before it) takes a value
  case "$1 $2" in
${takes(options, commands)}
    *) return 1 ;;
  esac
}

_axon_backup_offer() { # what the value of an option, or an argument, can be
  case $1 in
    directory) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    sink) mapfile -t COMPREPLY < <(compgen -W "$(_axon_backup_sinks "$config")" -- "$cur") ;;
    channel) mapfile -t COMPREPLY < <(compgen -W "$(_axon_backup_channels "$config")" -- "$cur") ;;
    command) mapfile -t COMPREPLY < <(compgen -W '${names}' -- "$cur") ;;
    one) mapfile -t COMPREPLY < <(compgen -W "$2" -- "$cur") ;;
  esac
}

_axon_backup() {
  local cur=\${COMP_WORDS[COMP_CWORD]} config=${DEFAULT_CONFIG} command= option= word
  local -i at arguments=0
  COMPREPLY=()
  # What stands before the cursor: the command, how many arguments it has, and an option whose value it is.
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    if [[ -n $option ]]; then
      [[ $word == = ]] && continue
      [[ $option == --config ]] && config=\${word/#\\~/$HOME}
      option=
    elif [[ $word == -* ]]; then
      _axon_backup_takes "$command" "$word" && option=$word
    elif [[ -z $command ]]; then
      command=$word
    else
      arguments+=1
    fi
  done
  [[ -n $option && $cur == = ]] && cur=
  if [[ -n $option ]]; then
    case "$command $option" in
${values(options, commands)}
    esac
  elif [[ $cur == -* ]]; then
    case $command in
${commands.map(({ name, options: own }) => `      ${name}) _axon_backup_offer one '${longs([...own, ...options])}' ;;`).join("\n")}
      *) _axon_backup_offer one '${longs(options)}' ;;
    esac
  elif [[ -z $command ]]; then
    _axon_backup_offer command
  else
    case "$command $arguments" in
${positions(commands)}
    esac
  fi
}

complete -F _axon_backup axon-backup
`;
}

function longs(options: readonly OptionModel[]): string {
  return options.map(({ long }) => long).join(" ");
}

function takes(options: readonly OptionModel[], commands: readonly CommandModel[]): string {
  const own = commands.flatMap(({ name, options: of }) =>
    of.filter(({ value }) => value !== undefined).map(({ long }) => `'${name} ${long}'`),
  );
  const all = options.filter(({ value }) => value !== undefined).map(({ long }) => `*' ${long}'`);
  return `    ${[...all, ...own].join(" | ")}) ;;`;
}

function values(options: readonly OptionModel[], commands: readonly CommandModel[]): string {
  const lines = (command: string, of: readonly OptionModel[]) =>
    of.flatMap(({ long, value, values: can }) => {
      const offer = value === undefined ? undefined : offerOf(can);
      return offer === undefined ? [] : [`      ${command} ${long}') ${offer} ;;`];
    });
  return [
    ...lines("*'", options),
    ...commands.flatMap(({ name, options: of }) => lines(`'${name}`, of)),
  ].join("\n");
}

function positions(commands: readonly CommandModel[]): string {
  return commands
    .flatMap(({ name, arguments: of }) =>
      of.flatMap(({ values: can }, at) => {
        const offer = offerOf(can);
        return offer === undefined ? [] : [`      '${name} ${at}') ${offer} ;;`];
      }),
    )
    .join("\n");
}

function offerOf(values: Values): string | undefined {
  if (values.kind === "any") return undefined;
  const [, words = ""] = values.kind === "one" ? ["", ` '${values.of.join(" ")}'`] : [];
  return `_axon_backup_offer ${values.kind}${words}`;
}
