/** Runs the chosen scenarios one after the other, then prints the table and writes the results. */
import { resolve } from 'node:path'
import type { MeasureCommand } from './arguments.ts'
import { type BenchContext, createBenchContext } from './bench-context.ts'
import { signalOfInterruptions } from './interruption.ts'
import { currentCommit, describeMachine } from './machine.ts'
import { type Progress, startProgress } from './progress.ts'
import {
  PART_RESULTS,
  type Results,
  type ScenarioResult,
  WHOLE_RESULTS,
  writeResults,
} from './results.ts'
import { isWhole, type Scenario } from './scenarios.ts'
import { openServers, type Servers } from './servers.ts'
import { headerOf, lineOf, tableOf } from './table.ts'
import { buildWorker } from './worker-build.ts'
import { removeLogs } from './worker-process.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/**
 * @returns the exit code: 1 if a scenario failed
 * @throws BenchError if it is interrupted, or if Kafka or Redis cannot be reached
 */
export async function measure(command: MeasureCommand): Promise<number> {
  const signal = signalOfInterruptions()
  const progress = startProgress(process.stderr)
  try {
    const servers = await openServers(process.env, progress.print, signal)
    try {
      return await measureOn(servers, command, progress)
    } finally {
      progress.end()
      await servers.stop()
    }
  } catch (error) {
    // after an interruption, all other errors are its consequences
    signal.throwIfAborted()
    throw error
  }
}

async function measureOn(
  servers: Servers,
  command: MeasureCommand,
  progress: Progress,
): Promise<number> {
  progress.print('Building the worker')
  await buildWorker(servers.signal)
  await removeLogs()
  const scenarios = await runAll(command, servers, progress)
  const results: Results = {
    at: new Date().toISOString(),
    commit: await currentCommit(),
    machine: await describeMachine(servers),
    seed: command.seed,
    events: command.events,
    repeat: command.repeat,
    scenarios,
  }
  progress.end()
  console.log(`\n${headerOf(results)}\n\n${tableOf(scenarios)}`)
  const file = command.results ?? (isWhole(scenarios) ? WHOLE_RESULTS : PART_RESULTS)
  await writeResults(resolve(ROOT, file), results)
  console.log(`Results: ${file}`)
  return scenarios.some(({ failure }) => failure !== undefined) ? 1 : 0
}

async function runAll(
  command: MeasureCommand,
  servers: Servers,
  progress: Progress,
): Promise<ScenarioResult[]> {
  const context = createBenchContext(servers, progress, command)
  const results: ScenarioResult[] = []
  try {
    for (const scenario of command.scenarios) {
      const position = `${results.length + 1} of ${command.scenarios.length}`
      progress.print(`${scenario.name} (${position}): ${scenario.about}`)
      results.push(await runScenario(scenario, context, progress))
    }
    return results
  } finally {
    progress.end()
    await context.close()
  }
}

/** Runs one scenario. If it fails, the failure is its result, and the other scenarios still run. */
async function runScenario(
  { name: scenario, run }: Scenario,
  context: BenchContext,
  progress: Progress,
): Promise<ScenarioResult> {
  const startedAt = performance.now()
  const seconds = () => Math.round((performance.now() - startedAt) / 1000)
  try {
    const rows = await run(context)
    for (const row of rows) progress.print(`  ${lineOf(row)}`)
    return { scenario, seconds: seconds(), rows }
  } catch (error) {
    context.servers.signal.throwIfAborted()
    const failure = error instanceof Error ? error.message : String(error)
    progress.print(`  failed: ${failure}`)
    return { scenario, seconds: seconds(), rows: [], failure }
  }
}
