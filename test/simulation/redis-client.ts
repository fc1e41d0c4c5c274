/**
 * Models a worker's Redis client: a connection to each master, and on them the group store and the
 * checkpoints. Each connection keeps the order of commands. After a cut, some of the commands that
 * were sent may still be executed, but their replies are lost.
 *
 * Left out: the Lua script (a master merges in TypeScript), the limits of a call in bytes, the
 * user index, MOVED and other redirections.
 */
import { emptyState, type GroupState } from '../../src/domain/merge/merge.ts'
import type {
  Checkpoint,
  Checkpoints,
  GroupStore,
  StateConflict,
} from '../../src/pipeline/ports.ts'
import { runTasks } from '../../src/redis/task-lanes.ts'
import type { Link, Outcome } from './network.ts'
import type { Process } from './process.ts'
import { type Master, type Redis, unavailable } from './redis.ts'

const COMMAND_TIMEOUT_MS = 3000
/** The least time between two commands on one connection, which keeps them in order. */
const GAP_MS = 0.0001

/** @param isAbandoned whether the client no longer waits for the reply */
type Command<Result> = (master: Master, isAbandoned: boolean) => Result

interface Connection {
  readonly index: number
  readonly master: Master
  /** Commands that are neither answered nor timed out. */
  readonly waiting: Set<(outcome: Outcome<never>) => void>
  /** How many of the commands sent before the cut still arrive; undefined: it was not cut. */
  stillArriving: number | undefined
  lastRequestMs: number
  lastReplyMs: number
}

export class RedisClient {
  /** Counts every connection that was opened or lost; the store's `connection`. */
  connectionChanges = 0
  readonly process: Process
  readonly redis: Redis
  private readonly link: Link
  private readonly connections: (Connection | undefined)[]

  constructor(process: Process, redis: Redis, link: Link) {
    this.process = process
    this.redis = redis
    this.link = link
    this.connections = redis.masters.map(() => undefined)
    for (const index of redis.masters.keys()) this.connect(index)
    this.store = groupStoreOf(this)
    this.checkpoints = checkpointsOf(this)
  }

  readonly store: GroupStore
  readonly checkpoints: Checkpoints

  get masters(): number {
    return this.connections.length
  }

  /** Sends a command to a master. @throws Unavailable if it is unknown whether it was executed */
  command<Result>(index: number, label: string, run: Command<Result>): Promise<Result> {
    const { process, link } = this
    const { scheduler } = process
    const connection = this.connections[index]
    if (connection === undefined) return Promise.reject(unavailable('not connected'))
    return new Promise((resolve, reject) => {
      const receive = (outcome: Outcome<Result>) => {
        if (!connection.waiting.delete(receive)) return
        timeout.isCancelled = true
        if ('error' in outcome) reject(outcome.error)
        else resolve(outcome.value)
      }
      const timeout = process.after(COMMAND_TIMEOUT_MS, `times out: redis ${label}`, () => {
        receive({ error: unavailable('does not answer in time') })
      })
      connection.waiting.add(receive)
      connection.lastRequestMs = Math.max(
        connection.lastRequestMs + GAP_MS,
        scheduler.nowMs + link.latencyMs() + this.redis.slownessMs(index),
      )
      const arrivesInMs = connection.lastRequestMs - scheduler.nowMs
      scheduler.after(arrivesInMs, `${process.name} > redis ${index} ${label}`, () => {
        if (connection.stillArriving !== undefined && connection.stillArriving-- <= 0) return
        const isAbandoned = !connection.waiting.has(receive)
        const outcome = answerOf(connection.master, (master) => run(master, isAbandoned))
        if (outcome === undefined || connection.stillArriving !== undefined) return
        connection.lastReplyMs = Math.max(
          connection.lastReplyMs + GAP_MS,
          scheduler.nowMs + link.latencyMs(),
        )
        const what = 'error' in outcome ? outcome.error.message : 'ok'
        const backInMs = connection.lastReplyMs - scheduler.nowMs
        process.after(backInMs, `< redis ${index} ${label}: ${what}`, () => receive(outcome))
      })
    })
  }

  /** Cuts the connection; some of the commands that were sent still arrive. */
  cut(index: number): void {
    const connection = this.connections[index]
    if (connection === undefined || connection.stillArriving !== undefined) return
    const { process, link } = this
    const { chance } = process.scheduler
    connection.stillArriving = chance.below(connection.waiting.size + 1)
    process.after(link.latencyMs(), `loses its connection to redis ${index}`, () => {
      this.connections[index] = undefined
      this.connectionChanges++
      const error = unavailable('the connection was cut')
      for (const receive of [...connection.waiting]) receive({ error })
      this.reconnect(index)
    })
  }

  /** Cuts the connections to this server. */
  cutFrom(master: Master): void {
    for (const connection of this.connections) {
      if (connection?.master === master) this.cut(connection.index)
    }
  }

  private reconnect(index: number): void {
    const { chance } = this.process.scheduler
    const delayMs = chance.happens(0.5) ? chance.within(0.2, 10) : chance.within(10, 800)
    this.process.after(delayMs, `connects to redis ${index}`, () => {
      if (this.redis.master(index).isDown) return this.reconnect(index)
      this.connect(index)
    })
  }

  private connect(index: number): void {
    const { nowMs } = this.process.scheduler
    this.connectionChanges++
    this.connections[index] = {
      index,
      master: this.redis.master(index),
      waiting: new Set(),
      stillArriving: undefined,
      lastRequestMs: nowMs,
      lastReplyMs: nowMs,
    }
  }
}

/** Returns undefined if the master does not answer. */
function answerOf<Result>(
  master: Master,
  run: (master: Master) => Result,
): Outcome<Result> | undefined {
  if (master.isDown) return undefined
  if (master.errorReply !== undefined) return { error: unavailable(master.errorReply) }
  return { value: run(master) }
}

const MAX_PATCHES_PER_CALL = 2
const MAX_CALLS = 3

/**
 * As src/redis/writing/group-store.ts: erasures first, then calls of a few patches each, a few
 * calls at once.
 */
function groupStoreOf(client: RedisClient): GroupStore {
  const { redis } = client
  const callsFor = function* (chunks: readonly (readonly GroupState[])[], found: StateConflict[]) {
    for (const patches of chunks) {
      const index = redis.masterOf(patches[0]?.groupId ?? '')
      const label = `merge ${patches.map(({ groupId }) => groupId).join(' ')}`
      yield async () => {
        found.push(...(await client.command(index, label, (master) => master.merge(patches))))
      }
    }
  }
  return {
    get connection() {
      return client.connectionChanges
    },
    async merge(patches) {
      const conflicts: StateConflict[] = []
      const erasures = patches.filter(({ erasedAt }) => erasedAt >= 0).map(erasureIn)
      await runTasks(callsFor(split(erasures, 1), conflicts), MAX_CALLS)
      const conflicting = new Set(conflicts.map(({ groupId }) => groupId))
      const rest = patches.filter(({ groupId }) => !conflicting.has(groupId))
      const byMaster = Map.groupBy(rest, ({ groupId }) => redis.masterOf(groupId)).values()
      const chunks = [...byMaster].flatMap((ofMaster) => split(ofMaster, MAX_PATCHES_PER_CALL))
      await runTasks(callsFor(chunks, conflicts), MAX_CALLS)
      return conflicts
    },
  }
}

function erasureIn({ groupId, erasedAt }: GroupState): GroupState {
  return { ...emptyState(groupId), erasedAt, latest: erasedAt }
}

function split<Item>(items: readonly Item[], size: number): Item[][] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size))
}

/** As src/redis/checkpoint/checkpoints.ts: a checkpoint on each master; the lowest one counts. */
function checkpointsOf(client: RedisClient): Checkpoints {
  const indexes = () => Array.from({ length: client.masters }, (_, index) => index)
  return {
    async read() {
      const hashes = await Promise.all(
        indexes().map((index) =>
          client.command(index, 'checkpoints', ({ checkpoints }) => new Map(checkpoints)),
        ),
      )
      const partitions = new Set(hashes.flatMap((hash) => [...hash.keys()]))
      return new Map(
        Array.from(partitions, (partition) => [partition, checkpointOf(hashes, partition)]),
      )
    },
    async compareAndSet(partition, expected, next) {
      const topicId = client.redis.onCheckpointSent(partition, client.process.name)
      const outcomes = await Promise.all(
        indexes().map((index) => {
          const before = expected?.shards.get(String(index))
          const label = `checkpoint ${partition} from ${before} to ${next}`
          return client.command(index, label, (master, isAbandoned) => {
            if (master.checkpoints.get(partition) !== before) return false
            master.write({ kind: 'checkpoint', partition, next })
            client.redis.onCheckpoint({ master, partition, before, next, topicId, isAbandoned })
            return true
          })
        }),
      )
      if (outcomes.includes(false)) return undefined
      return { next, shards: new Map(indexes().map((index) => [String(index), next])) }
    },
  }
}

function checkpointOf(
  hashes: readonly ReadonlyMap<number, bigint>[],
  partition: number,
): Checkpoint {
  const parts = new Map<string, bigint>()
  for (const [index, hash] of hashes.entries()) {
    const next = hash.get(partition)
    if (next !== undefined) parts.set(String(index), next)
  }
  const least = [...parts.values()].reduce((a, b) => (a < b ? a : b), 2n ** 63n)
  return { next: parts.size === hashes.length ? least : undefined, shards: parts }
}
