/** `npm run bench`: see HELP in arguments.ts. */
import { resolve } from 'node:path'
import { HELP, parseArguments, type Wish, WrongArguments } from './arguments.ts'
import { currentCommit, describeMachine } from './machine.ts'
import { drawPlot } from './plot.ts'
import { type Progress, startProgress } from './progress.ts'
import { type Results, readResults, type ScenarioResult, writeResults } from './results.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'
import { openServers, type Servers } from './servers.ts'
import { openStage, type Stage } from './stage.ts'
import { headerOf, lineOf, tableOf } from './table.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const PLOT = 'docs/speed.svg'

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  try {
    return await fulfil(parseArguments(args))
  } catch (error) {
    if (!(error instanceof WrongArguments)) throw error
    console.error(`${error.message}\nnpm run bench -- --help tells more.`)
    return 2
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

async function measure(wish: Wish & { kind: 'measure' }): Promise<number> {
  const progress = startProgress(process.stderr)
  const servers = await openServers(process.env, progress.say)
  stopAtSignals(servers)
  const stage = openStage(servers, progress, wish)
  const scenarios: ScenarioResult[] = []
  try {
    for (const scenario of wish.scenarios) {
      const place = `${scenarios.length + 1} of ${wish.scenarios.length}`
      progress.say(`${scenario.name} (${place}): ${scenario.about}`)
      scenarios.push(await play(scenario, stage, progress))
    }
    const results: Results = {
      at: new Date().toISOString(),
      commit: await currentCommit(),
      machine: await describeMachine(servers),
      seed: wish.seed,
      events: wish.events,
      repeat: wish.repeat,
      scenarios,
    }
    progress.end()
    console.log(`\n${headerOf(results)}\n\n${tableOf(scenarios)}`)
    await writeResults(resolve(ROOT, wish.results), results)
  } finally {
    progress.end()
    await stage.close()
    await servers.stop()
  }
  return scenarios.some(({ failure }) => failure !== undefined) ? 1 : 0
}

/** A scenario that fails is told, and the others go on. */
async function play(
  { name: scenario, play }: Scenario,
  stage: Stage,
  progress: Progress,
): Promise<ScenarioResult> {
  const startedAt = performance.now()
  const seconds = () => Math.round((performance.now() - startedAt) / 1000)
  try {
    const rows = await play(stage)
    for (const row of rows) progress.say(`  ${lineOf(row)}`)
    return { scenario, seconds: seconds(), rows }
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error)
    progress.say(`  failed: ${failure}`)
    return { scenario, seconds: seconds(), rows: [], failure }
  }
}

/** What a local stack keeps on the disk is gone after a Ctrl-C, too. */
function stopAtSignals(servers: Servers): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await servers.stop()
      process.exit(130)
    })
  }
}
