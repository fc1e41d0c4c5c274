/** One run: every chosen scenario, one after the other, then the table and the results. */
import { resolve } from 'node:path'
import type { MeasureWish } from './arguments.ts'
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
import { openStage, type Stage } from './stage.ts'
import { headerOf, lineOf, tableOf } from './table.ts'
import { buildWorker } from './worker-build.ts'
import { removeLogs } from './worker-process.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/**
 * @returns the exit code: 1 where a scenario failed
 * @throws EarlyEnd where it is interrupted, or there is nothing to measure on
 */
export async function measure(wish: MeasureWish): Promise<number> {
  const signal = signalOfInterruptions()
  const progress = startProgress(process.stderr)
  try {
    const servers = await openServers(process.env, progress.say, signal)
    try {
      return await measureOn(servers, wish, progress)
    } finally {
      progress.end()
      await servers.stop()
    }
  } catch (error) {
    // whatever went wrong after, it is the interruption's doing
    signal.throwIfAborted()
    throw error
  }
}

async function measureOn(servers: Servers, wish: MeasureWish, progress: Progress): Promise<number> {
  progress.say('Building the worker')
  await buildWorker(servers.signal)
  await removeLogs()
  const scenarios = await playAll(wish, servers, progress)
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
  const file = wish.results ?? (isWhole(scenarios) ? WHOLE_RESULTS : PART_RESULTS)
  await writeResults(resolve(ROOT, file), results)
  console.log(`Results: ${file}`)
  return scenarios.some(({ failure }) => failure !== undefined) ? 1 : 0
}

async function playAll(
  wish: MeasureWish,
  servers: Servers,
  progress: Progress,
): Promise<ScenarioResult[]> {
  const stage = openStage(servers, progress, wish)
  const results: ScenarioResult[] = []
  try {
    for (const scenario of wish.scenarios) {
      const place = `${results.length + 1} of ${wish.scenarios.length}`
      progress.say(`${scenario.name} (${place}): ${scenario.about}`)
      results.push(await play(scenario, stage, progress))
    }
    return results
  } finally {
    progress.end()
    await stage.close()
  }
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
    stage.servers.signal.throwIfAborted()
    const failure = error instanceof Error ? error.message : String(error)
    progress.say(`  failed: ${failure}`)
    return { scenario, seconds: seconds(), rows: [], failure }
  }
}
