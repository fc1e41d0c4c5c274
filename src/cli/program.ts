import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { InvalidConfig } from '../app/config/problem.ts'
import { NotRetriable, Unavailable } from '../pipeline/errors.ts'
import {
  type Cli,
  CommandFailed,
  DONE,
  type Environment,
  type ExitCode,
  FAILED,
  type Io,
  WRONG_USAGE,
} from './cli.ts'
import { printable } from './output/printable.ts'
import { paint } from './output/table.ts'

/** Adds a command to the program. */
export type AddCommand = (program: Command, cli: Cli) => void

/** Commands that the help lists under one title. */
export interface CommandGroup {
  readonly title: string
  readonly commands: readonly AddCommand[]
}

/** Runs a command line. Returns the exit code; never throws. */
export async function main(
  commandGroups: readonly CommandGroup[],
  args: readonly string[],
  environment: Environment,
  { stdin, stdout, stderr }: Io,
): Promise<ExitCode> {
  let exitCode = DONE
  const cli: Cli = {
    stdin,
    stdout,
    stderr,
    environment,
    now: Date.now,
    run:
      (work) =>
      async (...commandArgs) => {
        exitCode = await work(...commandArgs)
      },
  }
  try {
    const program = createProgram(cli, commandGroups)
    await program.parseAsync(args.length === 0 ? ['--help'] : args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE
    return explain(error, cli)
  }
}

function createProgram(cli: Cli, commandGroups: readonly CommandGroup[]): Command {
  const program = new Command('group-traits')
    .description(
      "Keeps the latest state of every group's traits in Redis, from group events in Kafka, " +
        'whatever the order they arrive in.',
    )
    .version(version(), '--version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.stdout.write(text),
      writeErr: (text) => cli.stderr.write(text),
      getOutHelpWidth: () => cli.stdout.columns ?? 100,
      getErrHelpWidth: () => cli.stderr.columns ?? 100,
      getOutHasColors: () => cli.stdout.isTTY === true,
      getErrHasColors: () => cli.stderr.isTTY === true,
    })
    .configureHelp({ styleTitle: (title) => paint(cli.stdout, 'bold', title) })
    .showSuggestionAfterError()
    .showHelpAfterError('(see --help)')
    .addHelpText('after', () => OVERVIEW)

  for (const { title, commands } of commandGroups) {
    program.commandsGroup(title)
    for (const addCommand of commands) addCommand(program, cli)
  }
  return program
}

const OVERVIEW = `
Start with:
  npm start                                 starts Kafka, Redis, a worker and a gateway
  group-traits validate events.jsonl        checks a file of events; needs no server
  group-traits publish events.jsonl         sends the events to Kafka
  group-traits show account123              shows what is stored for a group

Exit codes:
  0  done
  1  failed, not found, a difference was found, or a line was invalid (publish still sends the
     valid lines)
  2  wrong usage or configuration

Every setting has an environment variable and a flag: see "group-traits config".`

function version(): string {
  const manifest = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

/** Prints what went wrong in a line or two. The stack is printed only at LOG_LEVEL=debug. */
function explain(error: unknown, { stderr, environment }: Cli): ExitCode {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const isExpected =
    error instanceof InvalidConfig ||
    error instanceof CommandFailed ||
    error instanceof Unavailable ||
    error instanceof NotRetriable
  const hint = isExpected
    ? ''
    : '\nThis error is unexpected: run it again with LOG_LEVEL=debug to see where it happens.'
  const text = environment.LOG_LEVEL === 'debug' ? (stack ?? message) : `${message}${hint}`
  stderr.write(`${paint(stderr, 'red', 'error:')} ${text.split('\n').map(printable).join('\n')}\n`)
  if (error instanceof InvalidConfig) return WRONG_USAGE
  return error instanceof CommandFailed ? error.exitCode : FAILED
}
