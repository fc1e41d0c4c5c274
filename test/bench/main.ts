/** `npm run bench`: see HELP in arguments.ts. */
import { resolve } from 'node:path'
import { StackFailed } from '../../src/local/servers/stack-failed.ts'
import { HELP, parseArguments, type Wish } from './arguments.ts'
import { EarlyEnd, FAILED } from './early-end.ts'
import { measure } from './measuring.ts'
import { drawPlot } from './plot.ts'
import { readResults } from './results.ts'
import { SCENARIOS } from './scenarios.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const PLOT = 'docs/speed.svg'

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  try {
    return await fulfil(parseArguments(args))
  } catch (error) {
    if (!(error instanceof EarlyEnd || error instanceof StackFailed)) throw error
    console.error(error.message)
    return error instanceof EarlyEnd ? error.exitCode : FAILED
  }
}

async function fulfil(wish: Wish): Promise<number> {
  switch (wish.kind) {
    case 'help':
      console.log(HELP)
      return 0
    case 'list':
      for (const { name, about, isDefault } of SCENARIOS) {
        console.log(`${name.padEnd(14)} ${about}${isDefault ? '' : ' (only where it is named)'}`)
      }
      return 0
    case 'plot':
      await drawPlot(await readResults(resolve(ROOT, wish.results)), resolve(ROOT, PLOT))
      console.log(`Drawn: ${PLOT}`)
      return 0
    case 'measure':
      return measure(wish)
    default:
      return wish satisfies never
  }
}
