import { CheckpointedStore } from '../../../src/pipeline/checkpointed-store.ts'
import { NotRetriable, Unavailable } from '../../../src/pipeline/errors.ts'
import type { Loss } from '../../../src/pipeline/loss-detection.ts'
import type { Checkpoint, PartitionOffsets, RecordBatch } from '../../../src/pipeline/ports.ts'

interface Plan {
  readonly start?: bigint
  readonly end?: bigint
  readonly next?: bigint
  readonly committed: bigint | undefined
  readonly checkpoint: bigint | undefined
  readonly wrongType?: true
  /** How often setting the checkpoint fails before it works. */
  readonly outages?: number
  readonly onLostState?: 'replay' | 'stop'
  readonly onMerge?: (world: Meanwhile) => void | Promise<void>
}

/** What may happen during a merge. */
interface Meanwhile {
  reconnect(): void
  check(): Promise<void>
  assign(): void
}

/** A store and a topic of one partition in memory, which record each step. */
export function createWorld(plan: Plan) {
  const steps: string[] = []
  const seeks: bigint[] = []
  const losses: Loss[] = []
  const { start = 0n, end = 100n, committed, next = committed ?? start } = plan
  let offsets: PartitionOffsets = { partition: 0, start, end, next, committed }
  let checkpoint = plan.checkpoint
  let connection = 1
  let outages = plan.outages ?? 0
  let beforeOffsets = () => {}
  let beforeCheckpoints = () => {}
  const asCheckpoint = (at: bigint | undefined): Checkpoint => ({
    next: at,
    shards: new Map(at === undefined ? [] : [['checkpoints', at]]),
  })
  const store = new CheckpointedStore({
    store: {
      get connection() {
        return connection
      },
      merge: async () => {
        steps.push('merge')
        await plan.onMerge?.({
          reconnect: () => connection++,
          check: () => store.check(),
          assign: () => store.assign([0]),
        })
        return []
      },
    },
    checkpoints: {
      read: async () => {
        beforeCheckpoints()
        if (plan.wrongType) throw new NotRetriable('redis', 'the key has the wrong type')
        return new Map(checkpoint === undefined ? [] : [[0, asCheckpoint(checkpoint)]])
      },
      compareAndSet: async (_, expected, to) => {
        if (outages-- > 0) throw new Unavailable('redis', 'out of memory')
        if (expected?.next !== checkpoint) return undefined
        steps.push(`checkpoint ${checkpoint ?? 'none'} to ${to}`)
        checkpoint = to
        return asCheckpoint(to)
      },
    },
    source: {
      offsets: async () => {
        beforeOffsets()
        return [offsets]
      },
      seek: (_, offset) => {
        steps.push(`seek ${offset}`)
        seeks.push(offset)
      },
    },
    onLostState: plan.onLostState ?? 'replay',
    onLoss: (found) => losses.push(...found),
  })
  store.assign([0])
  return {
    store,
    steps,
    seeks,
    losses,
    checkpoint: () => checkpoint,
    setCheckpoint: (to: bigint | undefined) => {
      checkpoint = to
    },
    setOffsets: (changes: Partial<PartitionOffsets>) => {
      offsets = { ...offsets, ...changes }
    },
    onCheckpoints: (change: () => void) => {
      beforeCheckpoints = change
    },
    onOffsets: (change: () => void) => {
      beforeOffsets = change
    },
    merge: (fetchOffset: bigint, nextOffset: bigint) => {
      const batch: RecordBatch = {
        ...{ topic: 'groups', partition: 0, fetchOffset, records: [] },
        ...{ nextOffset, highWatermark: 100n },
      }
      return store.merge(batch, nextOffset, [])
    },
  }
}
