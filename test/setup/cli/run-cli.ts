import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { commandGroups } from '../../../src/cli/commands/commands.ts'
import { main } from '../../../src/cli/program.ts'

export interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command line in this process, without this process's environment. */
export async function runCli(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  input = '',
): Promise<Outcome> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const outputs = Promise.all([text(stdout), text(stderr)])
  stdin.end(input)
  const exitCode = await main(commandGroups, args, environment, { stdin, stdout, stderr })
  stdout.end()
  stderr.end()
  const [out, err] = await outputs
  return { exitCode, stdout: out, stderr: err }
}
