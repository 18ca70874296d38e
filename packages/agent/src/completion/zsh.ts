import type { CommandModel, OptionModel, ProgramModel, Values } from "../cli/describe.js";
import { DEFAULT_CONFIG } from "../cli/program.js";

/** Completion for zsh from 5 on: a function for `fpath`, which can be sourced as well. */
export function zshCompletion({ options, commands }: ProgramModel): string {
  return `#compdef axon-backup
# zsh completion of axon-backup. To have it: axon-backup completion zsh > /usr/local/share/zsh/site-functions/_axon-backup

_axon_backup_config() { # sets config: the folder of the configuration that the command line names
  local at
  config=${DEFAULT_CONFIG}
  for ((at = 1; at < \${#_axon_backup_line}; at++)); do
    [[ \${_axon_backup_line[at]} == --config ]] && config=\${_axon_backup_line[at + 1]}
    [[ \${_axon_backup_line[at]} == --config=* ]] && config=\${_axon_backup_line[at]#--config=}
  done
  config=\${config/#\\~/$HOME}
}

_axon_backup_channels() { # the names of the channels, as axon-backup reads them
  local config
  _axon_backup_config
  local -a names=(\${(f)"$(command axon-backup --config $config test-notifications --list 2>/dev/null)"})
  compadd -a names
}

_axon_backup_sinks() { # the names of the sinks, by the files of the configuration
  local config
  _axon_backup_config
  local -a names=($config/sinks.d/*.yaml(N:t:r))
  compadd -a names
}

_axon_backup_commands() {
  local -a names=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary.replaceAll(":", "\\:")}`)}`).join("\n")}
  )
  _describe -t commands command names
}

_axon_backup() {
  local curcontext=$curcontext state line ret=1
  local -A opt_args
  local -a _axon_backup_line=("\${words[@]}")
  local -a every=(
${options.map((option) => `    ${spec(option)}`).join("\n")}
  )
  _arguments -C -A '-*' $every '1: :_axon_backup_commands' '*:: :->arguments' && ret=0
  [[ $state == arguments ]] || return ret
  case $words[1] in
${commands.map(caseOf).join("\n")}
  esac
  return ret
}

if [[ $funcstack[1] == _axon-backup ]]; then
  _axon_backup "$@"
else
  compdef _axon_backup axon-backup
fi
`;
}

function caseOf({ name, options, arguments: of }: CommandModel): string {
  const specs = [
    ...options.map(spec),
    ...of.map(({ name: what, required, values }, at) =>
      quoted(`${at + 1}:${required ? "" : ":"}${what}:${action(values)}`),
    ),
  ];
  return `    ${name})\n      _arguments $every${specs.map((each) => ` \\\n        ${each}`).join("")} && ret=0\n      ;;`;
}

/** As `_arguments` takes it. */
function spec({ long, value, description, values }: OptionModel): string {
  const repeated = description.includes("several times") ? "*" : "";
  const text = description.replace(/[\\[\]:]/g, "\\$&");
  const argument =
    value === undefined ? "" : `:${value.replace(/[<>[\]]/g, "").replaceAll(":", "")}:${action(values)}`;
  return quoted(`${repeated}${long}[${text}]${argument}`);
}

function action(values: Values): string {
  switch (values.kind) {
    case "any":
      return " ";
    case "file":
      return "_files";
    case "directory":
      return "_files -/";
    case "sink":
      return "_axon_backup_sinks";
    case "channel":
      return "_axon_backup_channels";
    case "command":
      return "_axon_backup_commands";
    case "one":
      return `(${values.of.map((word) => word.replaceAll(":", "\\:")).join(" ")})`;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
