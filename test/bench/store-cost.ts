/**
 * What the state of a group costs Redis, beside a plain HSET of the same traits: CPU, by driving
 * the worker's store in this process, and memory.
 */
import { randomUUID } from 'node:crypto'
import { openRedis } from '../../src/redis/connection.ts'
import { openGroupStore } from '../../src/redis/group-store.ts'
import { silentLog } from '../setup/logs.ts'
import { redisSettings } from '../setup/redis-connection.ts'
import { type GroupContent, generateContents, groupIdOf, userIdOf } from './group-contents.ts'
import { removeKeys } from './keys.ts'
import { median } from './quantiles.ts'
import type { Figures, Row } from './results.ts'
import { numberIn, type Servers } from './servers.ts'
import type { Stage } from './stage.ts'
import { USUAL } from './workloads.ts'

const GROUPS = 50_000
/** About as many as a batch of the worker has. */
const AT_ONCE = 2000
const ROUNDS = 3
const SAMPLED_GROUPS = 500
const LATER_MS = 3_600_000

/** How groups get into Redis. */
interface Way {
  readonly name: string
  open(servers: Servers, prefix: string): Writer
}

interface Writer {
  write(contents: readonly GroupContent[]): Promise<void>
  close(): void
}

const storeWay = (userIndex: boolean): Way => ({
  name: userIndex ? 'merge' : 'merge, no user index',
  open({ redisUrl }, prefix) {
    const prefixes = { groupPrefix: `${prefix}group:`, userPrefix: `${prefix}user:` }
    const connection = openRedis(redisSettings(redisUrl, { ...prefixes, userIndex }), silentLog)
    const store = openGroupStore(connection)
    return {
      async write(contents) {
        const conflicts = await store.merge(contents.map(({ patch }) => patch))
        if (conflicts.length > 0) throw new Error(`A group was refused: ${conflicts[0]?.message}`)
      },
      close: () => connection.close(),
    }
  },
})

const PLAIN: Way = {
  name: 'plain HSET',
  open: ({ redis }, prefix) => ({
    async write(contents) {
      const pipeline = redis.pipeline()
      for (const { groupId, fields } of contents) {
        pipeline.hset(`${prefix}group:{${groupId}}`, ...fields)
      }
      for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error
    },
    close() {},
  }),
}

/** CPU of each group: 7 traits and a member, new groups, then the same again by later clocks. */
export async function playScript(stage: Stage): Promise<Row[]> {
  const ways = [storeWay(true), storeWay(false), PLAIN]
  const runs = new Map<string, Figures[]>()
  const onProgress = stage.progress.step('merging in Redis', ROUNDS * ways.length)
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ways) {
      for (const [kind, figures] of await cpuOf(stage.servers, way)) {
        const name = `${way.name}: ${kind}`
        runs.set(name, [...(runs.get(name) ?? []), figures])
      }
      onProgress(round * ways.length + ways.indexOf(way) + 1)
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

async function cpuOf(servers: Servers, way: Way): Promise<[string, Figures][]> {
  return inOwnKeys(servers, async (prefix) => {
    const writer = way.open(servers, prefix)
    const measure = async (timestampMs: number): Promise<Figures> => {
      const contents = generateContents(GROUPS, timestampMs)
      const [redisBefore, nodeBefore] = [await servers.redisCpuSeconds(), process.cpuUsage()]
      await writeAll(writer, contents)
      const { user, system } = process.cpuUsage(nodeBefore)
      const redisSeconds = (await servers.redisCpuSeconds()) - redisBefore
      return {
        count: GROUPS,
        redisMicros: (redisSeconds / GROUPS) * 1e6,
        nodeMicros: (user + system) / GROUPS,
      }
    }
    try {
      const fresh = await measure(USUAL.firstEventMs)
      return [
        ['new groups', fresh],
        ['later clocks', await measure(USUAL.firstEventMs + LATER_MS)],
      ]
    } finally {
      writer.close()
    }
  })
}

/** Bytes of each group with 7 traits and one member, who is in no other group. */
export async function playMemory({ servers, progress }: Stage): Promise<Row[]> {
  const end = progress.step('weighing groups in Redis')
  const rows: Row[] = []
  for (const way of [storeWay(true), storeWay(false), PLAIN]) {
    rows.push(await inOwnKeys(servers, (prefix) => memoryOf(servers, way, prefix)))
  }
  end(1)
  const plain = rows.at(-1)?.figures.bytes?.all ?? Number.NaN
  return rows.map((row) =>
    row.ran === PLAIN.name
      ? row
      : { ...row, ratios: { [PLAIN.name]: (row.figures.bytes?.all ?? Number.NaN) / plain } },
  )
}

async function memoryOf(servers: Servers, way: Way, prefix: string): Promise<Row> {
  const usedBytes = async () => numberIn(await servers.redis.info('memory'), /^used_memory:(\d+)/m)
  const writer = way.open(servers, prefix)
  try {
    const contents = generateContents(GROUPS, USUAL.firstEventMs)
    // the scripts are there before
    await writeAll(writer, contents.slice(0, 1))
    const before = await usedBytes()
    await writeAll(writer, contents)
    const bytes: Record<string, number> = { all: ((await usedBytes()) - before) / GROUPS }
    for (const [kind, key] of Object.entries(KEYS))
      bytes[kind] = await sampleBytes(servers, prefix, key)
    const kinds = Object.entries(bytes).filter(([, count]) => count > 0)
    const note = kinds.map(([kind, count]) => `${kind} ${Math.round(count)}`).join(', ')
    return { ran: way.name, figures: { count: GROUPS, bytes }, note: `bytes a group: ${note}` }
  } finally {
    writer.close()
  }
}

const KEYS: Readonly<Record<string, (group: number) => string>> = {
  traits: (group) => `group:{${groupIdOf(group)}}`,
  clocks: (group) => `group:{${groupIdOf(group)}}:clock`,
  members: (group) => `group:{${groupIdOf(group)}}:members`,
  index: (group) => `user:{${userIdOf(group)}}:groups`,
}

/** What MEMORY USAGE says of such a key, on average. */
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

async function inOwnKeys<T>(servers: Servers, use: (prefix: string) => Promise<T>): Promise<T> {
  const id = `bench-${randomUUID()}`
  try {
    return await use(`${id}:`)
  } finally {
    await removeKeys(servers, id)
  }
}

async function writeAll(writer: Writer, contents: readonly GroupContent[]): Promise<void> {
  for (let from = 0; from < contents.length; from += AT_ONCE) {
    await writer.write(contents.slice(from, from + AT_ONCE))
  }
}
