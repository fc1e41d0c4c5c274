/** Measures the Redis memory of a group's state, compared with a plain HSET of the same traits. */

import type { BenchContext } from './bench-context.ts'
import { generateContents, groupIdOf, userIdOf } from './group-contents.ts'
import { type GroupWriter, PLAIN, WRITERS, withWriter } from './group-writers.ts'
import type { Row } from './results.ts'
import { numberIn, type Servers } from './servers.ts'
import { USUAL } from './workloads.ts'

const GROUPS = 50_000
const SAMPLED_GROUPS = 500

/** Measures bytes per group, each with 7 traits and one member who is in no other group. */
export async function runMemory({ servers, progress }: BenchContext): Promise<Row[]> {
  const end = progress.step('weighing groups in Redis')
  const rows: Row[] = []
  for (const writer of WRITERS) rows.push(await memoryOf(servers, writer))
  end(1)
  const plain = rows.at(-1)?.figures.bytes?.all ?? Number.NaN
  return rows.map((row) =>
    row.ran === PLAIN.name
      ? row
      : { ...row, ratios: { [PLAIN.name]: (row.figures.bytes?.all ?? Number.NaN) / plain } },
  )
}

function memoryOf(servers: Servers, writer: GroupWriter): Promise<Row> {
  const usedBytes = async () => numberIn(await servers.redis.info('memory'), /^used_memory:(\d+)/m)
  return withWriter(servers, writer, async (write, prefix) => {
    const contents = generateContents(GROUPS, USUAL.firstEventMs)
    // loads the scripts, so that their memory is not counted
    await write(contents.slice(0, 1))
    const before = await usedBytes()
    await write(contents)
    const bytes: Record<string, number> = { all: ((await usedBytes()) - before) / GROUPS }
    for (const [kind, key] of Object.entries(KEYS)) {
      bytes[kind] = await sampleBytes(servers, prefix, key)
    }
    const kinds = Object.entries(bytes).filter(([, count]) => count > 0)
    const note = kinds.map(([kind, count]) => `${kind} ${Math.round(count)}`).join(', ')
    return { ran: writer.name, figures: { count: GROUPS, bytes }, note: `bytes per group: ${note}` }
  })
}

const KEYS: Readonly<Record<string, (group: number) => string>> = {
  traits: (group) => `group:{${groupIdOf(group)}}`,
  clocks: (group) => `group:{${groupIdOf(group)}}:clock`,
  members: (group) => `group:{${groupIdOf(group)}}:members`,
  index: (group) => `user:{${userIdOf(group)}}:groups`,
}

/** Returns the average MEMORY USAGE of such a key. */
async function sampleBytes(
  { redis }: Servers,
  prefix: string,
  keyOf: (group: number) => string,
): Promise<number> {
  const pipeline = redis.pipeline()
  for (let group = 0; group < SAMPLED_GROUPS; group++) {
    pipeline.memory('USAGE', `${prefix}${keyOf(group)}`, 'SAMPLES', 0)
  }
  const answers = (await pipeline.exec()) ?? []
  return answers.reduce((sum, [, bytes]) => sum + Number(bytes ?? 0), 0) / SAMPLED_GROUPS
}
