/** Writes groups to Redis from this process: with the worker's group store, or with plain HSETs. */
import { randomUUID } from 'node:crypto'
import { openRedis } from '../../src/redis/connection/connection.ts'
import { openGroupStore } from '../../src/redis/writing/group-store.ts'
import { silentLog } from '../setup/logs.ts'
import { redisSettings } from '../setup/redis/connection.ts'
import type { GroupContent } from './group-contents.ts'
import { removeKeys } from './keys.ts'
import type { Servers } from './servers.ts'

export interface GroupWriter {
  readonly name: string
  open(servers: Servers, prefix: string): OpenWriter
}

interface OpenWriter {
  write(contents: readonly GroupContent[]): Promise<void>
  close(): void
}

/** Groups written at once, about as many as in a batch of the worker. */
const BATCH_SIZE = 2000

const merging = (userIndex: boolean): GroupWriter => ({
  name: userIndex ? 'merge' : 'merge, no user index',
  open({ redisUrl }, prefix) {
    const prefixes = { groupPrefix: `${prefix}group:`, userPrefix: `${prefix}user:` }
    const connection = openRedis(redisSettings(redisUrl, { ...prefixes, userIndex }), silentLog)
    const store = openGroupStore(connection)
    return {
      async write(contents) {
        const conflicts = await store.merge(contents.map(({ patch }) => patch))
        if (conflicts.length > 0)
          throw new Error(`A group was not merged: ${conflicts[0]?.message}`)
      },
      close: () => connection.close(),
    }
  },
})

/** The writer that the others are compared with. */
export const PLAIN: GroupWriter = {
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

export const WRITERS: readonly GroupWriter[] = [merging(true), merging(false), PLAIN]

/** Opens the writer with a key prefix of its own, and removes its keys afterwards. */
export async function withWriter<T>(
  servers: Servers,
  writer: GroupWriter,
  use: (write: (contents: readonly GroupContent[]) => Promise<void>, prefix: string) => Promise<T>,
): Promise<T> {
  const id = `bench-${randomUUID()}`
  const prefix = `${id}:`
  const open = writer.open(servers, prefix)
  try {
    return await use((contents) => writeAll(open, contents, servers.signal), prefix)
  } finally {
    open.close()
    await removeKeys(servers, id)
  }
}

async function writeAll(
  writer: OpenWriter,
  contents: readonly GroupContent[],
  signal: AbortSignal,
): Promise<void> {
  for (let from = 0; from < contents.length; from += BATCH_SIZE) {
    signal.throwIfAborted()
    await writer.write(contents.slice(from, from + BATCH_SIZE))
  }
}
