import type { OptionModel, ProgramModel, Values } from "../cli/describe.js";
import { DEFAULT_CONFIG } from "../cli/program.js";

/** Completion for fish from 3 on. */
export function fishCompletion({ options, commands }: ProgramModel): string {
  const names = commands.map(({ name }) => name).join(" ");
  const lines = [
    ...options.map((option) => optionLine("", option)),
    ...commands.map(
      ({ name, summary }) =>
        `complete -c axon-backup -n __axon_backup_no_command -a ${name} -d ${quoted(summary)}`,
    ),
    ...commands.flatMap((command) => [
      ...command.options.map((option) => optionLine(` -n '__axon_backup_at ${command.name}'`, option)),
      ...command.arguments.flatMap(({ values, description }, at) => {
        const offer = offerOf(values, names);
        return offer === undefined
          ? []
          : [
              `complete -c axon-backup -n '__axon_backup_at ${command.name} ${at}' ${offer} -d ${quoted(description)}`,
            ];
      }),
    ]),
  ];
  return `# fish completion of axon-backup. To have it: axon-backup completion fish > ~/.config/fish/completions/axon-backup.fish

# The words before the cursor that are no options and no values of any: the command and its arguments.
function __axon_backup_words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word ${valued(options, commands)}
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

function __axon_backup_no_command
    test (count (__axon_backup_words)) = 0
end

# Whether it is this command, and if given, how many arguments stand there already.
function __axon_backup_at
    set -l words (__axon_backup_words)
    test "$words[1]" = $argv[1]; or return 1
    test (count $argv) = 1; or test (math (count $words) - 1) = $argv[2]
end

# The folder of the configuration that the command line names.
function __axon_backup_config
    set -l config ${DEFAULT_CONFIG}
    set -l line (commandline -opc)
    for at in (seq (count $line))
        if test $line[$at] = --config; and test (count $line) -gt $at
            set config $line[(math $at + 1)]
        else if string match -q -- '--config=*' $line[$at]
            set config (string replace -- '--config=' '' $line[$at])
        end
    end
    string replace -r -- '^~' $HOME $config
end

# The names of the channels, as axon-backup reads them.
function __axon_backup_channels
    command axon-backup --config (__axon_backup_config) test-notifications --list 2>/dev/null
end

# The names of the sinks, by the files of the configuration.
function __axon_backup_sinks
    set -l config (__axon_backup_config)
    for file in $config/sinks.d/*.yaml
        string replace -r '\\.yaml$' '' (string split -r -m1 / $file)[-1]
    end
end

complete -c axon-backup -f
${lines.join("\n")}
`;
}

function valued(options: readonly OptionModel[], commands: ProgramModel["commands"]): string {
  const all = [...options, ...commands.flatMap(({ options: own }) => own)];
  return [...new Set(all.filter(({ value }) => value !== undefined).map(({ long }) => long))].join(" ");
}

function optionLine(condition: string, { long, value, description, values }: OptionModel): string {
  const offer = value === undefined ? "" : ` ${offerOf(values, "") ?? "-x"}`;
  return `complete -c axon-backup${condition} -l ${long.slice(2)}${offer} -d ${quoted(short(description))}`;
}

function offerOf(values: Values, commands: string): string | undefined {
  switch (values.kind) {
    case "any":
      return undefined;
    case "file":
      return "-r -F";
    case "directory":
      return "-x -a '(__fish_complete_directories)'";
    case "sink":
      return "-x -a '(__axon_backup_sinks)'";
    case "channel":
      return "-x -a '(__axon_backup_channels)'";
    case "command":
      return `-x -a ${quoted(commands)}`;
    case "one":
      return `-x -a ${quoted(values.of.join(" "))}`;
  }
}

/** Fish shows a line beside each. */
function short(description: string): string {
  return description.length <= 80 ? description : `${description.slice(0, 79).trimEnd()}…`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
