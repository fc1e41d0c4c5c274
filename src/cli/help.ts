import type { Command } from 'commander'

/** What the help of a command has beside its description and options. */
export interface HelpText {
  /** Command lines, without the program's name, and what they do. */
  readonly examples: readonly (readonly [line: string, meaning: string])[]
  /** Further lines that an operator should know. */
  readonly notes?: readonly string[]
  /** What the exit codes mean for this command. 2 means the same for all commands. */
  readonly exitCodes: Readonly<Record<number, string>>
}

/** Adds examples, notes and exit codes to the help of a command. */
export function addHelp(command: Command, { examples, notes = [], exitCodes }: HelpText): void {
  const lines = examples.map(([line]) => `group-traits ${line}`)
  const width = Math.max(...lines.map((line) => line.length))
  const codes = { ...exitCodes, 2: 'wrong usage or configuration' }
  command.addHelpText(
    'after',
    [
      '',
      'Examples:',
      ...examples.map(([, meaning], index) => `  ${lines[index]?.padEnd(width)}  ${meaning}`),
      '',
      ...notes,
      ...(notes.length > 0 ? [''] : []),
      'Exit codes:',
      ...Object.entries(codes).map(([code, meaning]) => `  ${code}  ${meaning}`),
      '',
      'Settings can also be set in the environment or in a file: see "group-traits config".',
    ].join('\n'),
  )
}
