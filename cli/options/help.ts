// The help: written from the options table, so that it cannot disagree with what is read. Under 80 columns, plain
// ASCII, no colours: it is read in serial consoles and pasted into tickets.

import { EXIT_HELP } from '../exits.ts';
import { wrap } from '../screen/wrap.ts';
import type { Command, Option } from './option.ts';
import { COMMAND_NAMES, COMMANDS, type CommandName, envOf } from './table.ts';

const HEAD = [
  'Folder sync over MQTT for small Linux boards, in memory that never grows.',
  'A board runs the agent, one machine the gateway; a broker lies between them.',
];

const BEGINNING = [
  'To begin:',
  ...columns([
    ['toastbox demo', 'both ends on this machine'],
    ['toastbox help gateway', 'then on your own machines'],
    ['toastbox help agent', ''],
  ]),
  '',
];

/** `names`: the commands that there are. */
export function generalHelp(names: readonly CommandName[] = COMMAND_NAMES): string {
  const commands: [string, string][] = names.map(name => [name, COMMANDS[name].summary]);
  return [
    ...HEAD,
    '',
    'usage: toastbox COMMAND [OPTIONS]',
    '',
    ...columns([...commands, ['help', 'explain a command: toastbox help agent']]),
    '',
    ...(names.includes('demo') ? BEGINNING : []),
    ...wrap(
      'Every option may also stand in the environment (--rescan is TOASTBOX_RESCAN) or in a TOML file given by --config (rescan = "10m"). The command line is strongest, then the environment, then the file.',
    ),
    '',
    'Exit codes:',
    ...columns(EXIT_HELP.map(([code, name, what]) => [String(code), `${name}: ${what}`])),
    '',
    'toastbox --version says which one this is.',
  ].join('\n');
}

export function commandHelp(name: CommandName): string {
  const command: Command = COMMANDS[name];
  const lines = [
    `toastbox ${name}: ${command.summary}`,
    '',
    ...wrap(`usage: ${command.usage}`, '', '         '),
  ];
  for (const paragraph of command.about) lines.push('', ...wrap(paragraph));
  lines.push('', 'Options:');
  for (const [option, description] of Object.entries(command.options))
    lines.push(...optionHelp(option, description));
  lines.push('', 'Examples:');
  for (const [line, what] of command.examples) lines.push(...wrap(line, '  ', '      '), `      ${what}`);
  lines.push(
    '',
    `Exit codes: ${EXIT_HELP.map(([code, name]) => `${code} ${name}`).join(', ')}; see toastbox help.`,
  );
  return lines.join('\n');
}

function optionHelp(name: string, option: Option): string[] {
  const head = option.isSecret
    ? `  ${envOf(name)}`
    : `  --${name}${option.kind === 'flag' ? '' : ` ${option.value}`}`;
  const facts = [
    option.isRequired && 'required',
    option.kind !== 'flag' && option.default !== undefined && `default ${option.default}`,
    option.defaultWords !== undefined && `default: ${option.defaultWords}`,
    option.isSecret ? `${name} in the config file` : option.isFlagOnly !== true && envOf(name),
  ].filter(fact => typeof fact === 'string');
  return [
    head,
    ...wrap(option.help, '      '),
    ...(facts.length === 0 ? [] : wrap(`[${facts.join('; ')}]`, '      ')),
  ];
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 4;
  return rows.flatMap(([left, right]) => wrap(right, `  ${left}`.padEnd(width), ' '.repeat(width)));
}
