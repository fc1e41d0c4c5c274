/**
 * Models kafkajs' ConsumerGroup and OffsetManager: what they remember about partitions, and for
 * how long. A join resets the resolved and the committed offsets. Seeks survive a join, and so do
 * pauses of partitions that are not assigned again.
 *
 * Left out: subscriptions, assigners, the metadata of brokers.
 */
import type { Commit, Membership } from './coordinator.ts'
import { type FetchedPartition, type KafkaClient, MAX_WAIT_MS } from './kafka.ts'

const HEARTBEAT_INTERVAL_MS = 1000

export class ConsumerGroup {
  memberId: string | undefined
  isJoining = false
  private readonly client: KafkaClient
  private readonly onJoined: (partitions: readonly number[]) => void
  private readonly onReset: (partition: number) => void
  private membership: Membership = { memberId: '', generation: -1, partitions: [] }
  /** The next offset to fetch, in this generation. */
  private resolved = new Map<number, number>()
  private committed = new Map<number, number>()
  private readonly seeks = new Map<number, number>()
  private readonly paused = new Set<number>()
  private lastHeartbeatMs = Number.NEGATIVE_INFINITY
  private beating: Promise<void> | undefined

  constructor(
    client: KafkaClient,
    onJoined: (partitions: readonly number[]) => void,
    onReset: (partition: number) => void,
  ) {
    this.client = client
    this.onJoined = onJoined
    this.onReset = onReset
  }

  async join(): Promise<void> {
    this.isJoining = true
    try {
      this.membership = await this.client.join(this.memberId)
    } finally {
      this.isJoining = false
    }
    this.memberId = this.membership.memberId
    this.resolved = new Map()
    this.committed = new Map()
    const { partitions } = this.membership
    for (const partition of partitions) this.paused.delete(partition)
    this.onJoined(partitions)
  }

  async leave(): Promise<void> {
    if (this.memberId !== undefined) await this.client.leave(this.memberId)
    this.memberId = undefined
  }

  /** Concurrent calls share one request. Sends nothing if the last heartbeat is recent. */
  heartbeat(): Promise<void> {
    this.beating ??= this.beat().finally(() => {
      this.beating = undefined
    })
    return this.beating
  }

  /** Commits under the current generation, even if the batch was fetched in an earlier one. */
  async commit(commits: ReadonlyMap<number, Commit>): Promise<void> {
    const { committed } = this
    const { memberId, generation } = this.membership
    await this.client.commit(memberId, generation, commits)
    for (const [partition, { offset }] of commits) committed.set(partition, offset)
  }

  resolve(partition: number, nextOffset: number): void {
    this.resolved.set(partition, nextOffset)
  }

  seek(partition: number, offset: number): void {
    this.paused.delete(partition)
    this.seeks.set(partition, offset)
  }

  pause(partition: number): void {
    this.paused.add(partition)
  }

  /** The offset that the next fetch asks for. */
  positionOf(partition: number): number | undefined {
    return (
      this.seeks.get(partition) ?? this.resolved.get(partition) ?? this.committed.get(partition)
    )
  }

  get partitions(): readonly number[] {
    return this.membership.partitions
  }

  /** Fetches once from the partitions that one broker leads. */
  async fetch(isLed: (partition: number) => boolean): Promise<FetchedPartition[]> {
    try {
      const partitions = this.partitions.filter(isLed)
      this.applySeeks(partitions)
      await this.resolveOffsets()
      const positions = new Map<number, number>()
      for (const partition of partitions) {
        const position = this.resolved.get(partition) ?? this.committed.get(partition)
        if (this.committed.get(partition) === undefined || this.paused.has(partition)) continue
        if (position !== undefined) positions.set(partition, position)
      }
      if (positions.size === 0) {
        await this.client.process.sleep(MAX_WAIT_MS)
        return []
      }
      const fetched = await this.client.fetch(positions)
      return fetched.filter(
        ({ partition }) => !this.seeks.has(partition) && !this.paused.has(partition),
      )
    } catch (error) {
      await this.recover(error)
      return []
    }
  }

  private applySeeks(partitions: readonly number[]): void {
    for (const partition of partitions) {
      const offset = this.seeks.get(partition)
      if (offset === undefined) continue
      this.seeks.delete(partition)
      this.resolved.set(partition, offset)
    }
  }

  /** Reads the missing committed offsets from Kafka. A partition without a commit starts at its beginning. */
  private async resolveOffsets(): Promise<void> {
    const { committed } = this
    const pending = this.partitions.filter((partition) => !committed.has(partition))
    if (pending.length === 0) return
    const commits = await this.client.commits()
    const known = pending.map((partition) => commits.get(partition)?.offset ?? -1)
    const bounds = known.some((offset) => offset < 0) ? await this.client.bounds() : []
    for (const [i, partition] of pending.entries()) {
      const offset = known[i] ?? -1
      committed.set(partition, offset < 0 ? (bounds[partition]?.start ?? 0) : offset)
    }
  }

  private async recover(error: unknown): Promise<void> {
    const { type, name, partition } = error as { type?: string; name?: string; partition?: number }
    if (type === 'NOT_LEADER_FOR_PARTITION') return await this.join()
    if (name !== 'KafkaJSOffsetOutOfRange' || partition === undefined) throw error
    this.onReset(partition)
    const { committed, resolved } = this
    const { memberId, generation } = this.membership
    await this.client.commit(
      memberId,
      generation,
      new Map([[partition, { offset: START_OF_LOG, metadata: null }]]),
    )
    committed.delete(partition)
    resolved.delete(partition)
  }

  private async beat(): Promise<void> {
    const { process } = this.client
    const { nowMs } = process.scheduler
    if (this.memberId === undefined || nowMs < this.lastHeartbeatMs + HEARTBEAT_INTERVAL_MS) return
    await this.client.heartbeat(this.memberId, this.membership.generation)
    this.lastHeartbeatMs = nowMs
  }
}

/** What kafkajs commits when the requested offset is out of range. */
const START_OF_LOG = -2
