/** `npm run bench`; see HELP in arguments.ts. */
import { resolve } from 'node:path'
import { StackFailed } from '../../src/local/servers/stack-failed.ts'
import { type Command, HELP, parseArguments } from './arguments.ts'
import { BenchError, EXIT_FAILURE } from './bench-error.ts'
import { measure } from './measurement.ts'
import { drawPlot } from './plot.ts'
import { readResults } from './results.ts'
import { SCENARIOS } from './scenarios.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const PLOT = 'docs/speed.svg'

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  try {
    return await execute(parseArguments(args))
  } catch (error) {
    if (!(error instanceof BenchError || error instanceof StackFailed)) throw error
    console.error(error.message)
    return error instanceof BenchError ? error.exitCode : EXIT_FAILURE
  }
}

async function execute(command: Command): Promise<number> {
  switch (command.kind) {
    case 'help':
      console.log(HELP)
      return 0
    case 'list':
      for (const { name, about, isDefault } of SCENARIOS) {
        console.log(`${name.padEnd(14)} ${about}${isDefault ? '' : ' (only if named)'}`)
      }
      return 0
    case 'plot':
      await drawPlot(await readResults(resolve(ROOT, command.results)), resolve(ROOT, PLOT))
      console.log(`Drawn: ${PLOT}`)
      return 0
    case 'measure':
      return measure(command)
    default:
      return command satisfies never
  }
}
