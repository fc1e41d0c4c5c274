/** Measures the Redis CPU of merging a group, compared with a plain HSET of the same traits. */

import type { BenchContext } from './bench-context.ts'
import { generateContents } from './group-contents.ts'
import { type GroupWriter, PLAIN, WRITERS, withWriter } from './group-writers.ts'
import { median } from './quantiles.ts'
import type { Figures, Row } from './results.ts'
import type { Servers } from './servers.ts'
import { USUAL } from './workloads.ts'

const GROUPS = 50_000
const ROUNDS = 3
const LATER_MS = 3_600_000

/** Measures CPU per group of 7 traits and a member: new groups, then the same with later clocks. */
export async function runScript(context: BenchContext): Promise<Row[]> {
  const runs = new Map<string, Figures[]>()
  const onProgress = context.progress.step('merging in Redis', ROUNDS * WRITERS.length)
  let done = 0
  for (let round = 0; round < ROUNDS; round++) {
    for (const writer of WRITERS) {
      for (const [kind, figures] of await cpuOf(context.servers, writer)) {
        const name = `${writer.name}: ${kind}`
        runs.set(name, [...(runs.get(name) ?? []), figures])
      }
      onProgress(++done)
    }
  }
  const typical = (name: string) =>
    median((runs.get(name) ?? []).map((run) => run.redisMicros ?? 0))
  return Array.from(runs, ([ran, all]) => {
    const redisMicros = typical(ran)
    const plain = typical(`${PLAIN.name}: ${ran.slice(ran.indexOf(': ') + 2)}`)
    const nodeMicros = median(all.map((run) => run.nodeMicros ?? 0))
    const ratios = ran.startsWith(PLAIN.name) ? {} : { [PLAIN.name]: redisMicros / plain }
    return { ran, figures: { redisMicros, nodeMicros, count: GROUPS }, ratios, runs: all }
  })
}

function cpuOf(servers: Servers, writer: GroupWriter): Promise<[string, Figures][]> {
  return withWriter(servers, writer, async (write) => {
    const measure = async (timestampMs: number): Promise<Figures> => {
      const contents = generateContents(GROUPS, timestampMs)
      const [redisBefore, nodeBefore] = [await servers.redisCpuSeconds(), process.cpuUsage()]
      await write(contents)
      const { user, system } = process.cpuUsage(nodeBefore)
      const redisSeconds = (await servers.redisCpuSeconds()) - redisBefore
      return {
        count: GROUPS,
        redisMicros: (redisSeconds / GROUPS) * 1e6,
        nodeMicros: (user + system) / GROUPS,
      }
    }
    const fresh = await measure(USUAL.firstEventMs)
    const later = await measure(USUAL.firstEventMs + LATER_MS)
    return [
      ['new groups', fresh],
      ['later clocks', later],
    ]
  })
}
