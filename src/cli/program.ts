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
import { addConfigCommand } from './commands/config.ts'
import { addEraseCommand } from './commands/erase.ts'
import { addGatewayCommand } from './commands/gateway.ts'
import { addLocalCommand } from './commands/local.ts'
import { addPublishCommand } from './commands/publish.ts'
import { addRebuildCommand } from './commands/rebuild.ts'
import { addSchemaCommand } from './commands/schema.ts'
import { addShowCommand } from './commands/show.ts'
import { addSkipCommand } from './commands/skip.ts'
import { addUserCommand } from './commands/user.ts'
import { addValidateCommand } from './commands/validate.ts'
import { addVerifyCommand } from './commands/verify.ts'
import { addWorkerCommand } from './commands/worker.ts'
import { printable } from './output/printable.ts'
import { paint } from './output/table.ts'

/** The command line: arguments and environment in, exit code out. Never throws. */
export async function main(
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
      async (...given) => {
        exitCode = await work(...given)
      },
  }
  try {
    await createProgram(cli).parseAsync(args.length === 0 ? ['--help'] : args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE
    return explain(error, cli)
  }
}

function createProgram(cli: Cli): Command {
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
    .showHelpAfterError('(--help says more)')
    .addHelpText('after', () => OVERVIEW)

  program.commandsGroup('To run:')
  addLocalCommand(program, cli)
  addWorkerCommand(program, cli)
  addGatewayCommand(program, cli)
  program.commandsGroup('To look:')
  addShowCommand(program, cli)
  addUserCommand(program, cli)
  addVerifyCommand(program, cli)
  program.commandsGroup('To send:')
  addPublishCommand(program, cli)
  addValidateCommand(program, cli)
  program.commandsGroup('To mend:')
  addRebuildCommand(program, cli)
  addEraseCommand(program, cli)
  addSkipCommand(program, cli)
  program.commandsGroup('To set up:')
  addConfigCommand(program, cli)
  addSchemaCommand(program, cli)
  return program
}

const OVERVIEW = `
Begin with:
  npm start                                 a local Kafka and Redis, worker and sample
  group-traits validate events.jsonl        check events; needs no server
  group-traits publish events.jsonl         send them
  group-traits show account123              see what a group became

Exit codes:
  0  done
  1  failed, nothing there to show, a difference found, or a bad line (the good ones are
     sent all the same)
  2  wrong usage or configuration

Every setting has a variable and a flag: see "group-traits config".`

function version(): string {
  const manifest = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

/** Says in a line or two what went wrong; where, only to someone who debugs. */
function explain(error: unknown, { stderr, environment }: Cli): ExitCode {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const isForeseen =
    error instanceof InvalidConfig ||
    error instanceof CommandFailed ||
    error instanceof Unavailable ||
    error instanceof NotRetriable
  const hint = isForeseen ? '' : '\nThis was not foreseen; LOG_LEVEL=debug shows where it happened.'
  const text = environment.LOG_LEVEL === 'debug' ? (stack ?? message) : `${message}${hint}`
  stderr.write(`${paint(stderr, 'red', 'error:')} ${text.split('\n').map(printable).join('\n')}\n`)
  if (error instanceof InvalidConfig) return WRONG_USAGE
  return error instanceof CommandFailed ? error.exitCode : FAILED
}
