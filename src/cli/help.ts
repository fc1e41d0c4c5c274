import type { Command } from 'commander'

/** What the help of a command teaches beside its description and options. */
export interface HelpText {
  /** Command lines, without the program's name, and what they do. */
  readonly examples: readonly (readonly [line: string, meaning: string])[]
  /** Further lines on what to know. */
  readonly notes?: readonly string[]
  /** What the codes mean here; 2 is the same everywhere. */
  readonly exitCodes: Readonly<Record<number, string>>
}

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
      'Settings also come from the environment and a file: see "group-traits config".',
    ].join('\n'),
  )
}
