import { describe, expect, test } from 'vitest'
import { CheckpointedStore } from '../../../src/pipeline/checkpointed-store.ts'
import { Abandoned, NotRetriable, StateLost, Unavailable } from '../../../src/pipeline/errors.ts'
import type { Loss } from '../../../src/pipeline/partition-progress.ts'
import type { Checkpoint, PartitionOffsets, RecordBatch } from '../../../src/pipeline/ports.ts'

describe('the checkpoint of a partition', () => {
  test('moves once the batch is merged, and not before', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 5n })
    await world.merge(5n, 9n)
    expect(world.steps).toEqual(['merge', 'checkpoint 5 to 9'])
    await world.merge(9n, 12n)
    expect(world.steps.slice(2)).toEqual(['merge', 'checkpoint 9 to 12'])
  })

  test('does not move if the connection changed since the merge began', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 5n, onMerge: (w) => w.reconnect() })
    await expect(world.merge(5n, 9n)).rejects.toThrow(Unavailable)
    expect(world.checkpoint()).toBe(5n)
  })

  test('does not go back for a batch that is redelivered', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 20n })
    await world.merge(5n, 9n)
    expect(world.checkpoint()).toBe(20n)
    expect(world.losses).toEqual([])
  })

  test('is set to the start at a first start, whatever it was', async () => {
    const world = createWorld({ start: 3n, committed: undefined, next: 3n, checkpoint: 700n })
    await world.merge(3n, 4n)
    expect(world.checkpoint()).toBe(4n)
    expect(world.losses).toEqual([])
  })

  test('follows an offset that was set by hand, backward or forward', async () => {
    for (const next of [2n, 90n]) {
      const world = createWorld({ committed: undefined, next, checkpoint: 50n })
      await world.store.check()
      expect(world.checkpoint()).toBe(next)
      expect(world.losses).toEqual([])
    }
  })

  test('is set to the start if the topic was recreated, and is shorter than the committed offset', async () => {
    const world = createWorld({ committed: 50n, end: 10n, next: 0n, checkpoint: 50n })
    await world.merge(0n, 4n)
    expect(world.checkpoint()).toBe(4n)
    expect(world.losses).toEqual([])
  })

  test('may be moved by a late write of a former owner: no loss, and the batch is merged again', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 5n })
    await world.merge(5n, 9n)
    world.setCheckpoint(15n)
    await world.merge(9n, 12n)
    expect(world.steps.slice(2)).toEqual(['merge', 'merge', 'checkpoint 15 to 15'])
    expect(world.losses).toEqual([])
  })
})

test('a seek is repeated under later assignments only until a batch from there arrives', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 2n })
  await world.store.check()
  world.store.assign([0])
  await world.store.check()
  expect(world.seeks).toEqual([2n, 2n])
  await world.merge(2n, 9n)
  world.store.assign([0])
  await world.store.check()
  expect(world.seeks).toEqual([2n, 2n])
})

test('an offset that was set back by hand under a new owner is no loss to the former owner', async () => {
  for (const committed of [undefined, 3n]) {
    const world = createWorld({ committed: 5n, checkpoint: 5n })
    await world.merge(5n, 9n)
    world.setOffsets({ committed, next: committed ?? 2n })
    world.setCheckpoint(4n)
    await world.store.check()
    expect(world.losses).toEqual([])
    expect(world.seeks).toEqual([4n])
    expect(world.steps.slice(2)).toEqual(['seek 4'])
  }
})

test('checkpoints are compared with commits that Kafka had before they were read', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 5n })
  await world.merge(5n, 9n)
  // the new owner commits meanwhile: a checkpoint that was read before would look like a loss
  world.setCheckpoint(2n)
  world.onOffsets(() => {
    world.setOffsets({ committed: 7n })
    world.setCheckpoint(7n)
  })
  await world.store.check()
  expect(world.losses).toEqual([])
})

test('a former owner does not set back a checkpoint that the new owner moved meanwhile', async () => {
  const world = createWorld({ committed: undefined, next: 2n, checkpoint: 2n })
  world.onOffsets(() => world.setCheckpoint(4n))
  await expect(world.store.check()).rejects.toThrow(Unavailable)
  expect(world.checkpoint()).toBe(4n)
})

describe('a store that lost acknowledged writes', () => {
  test('is noticed at the assignment, and the partition is replayed from the checkpoint', async () => {
    const world = createWorld({ committed: 50n, checkpoint: 30n })
    await world.store.check()
    expect(world.losses).toEqual([{ partition: 0, checkpoint: 30n, applied: 50n, from: 30n }])
    expect(world.seeks).toEqual([30n])
  })

  test('gets a new checkpoint at the start if it has none, and the partition is replayed from there', async () => {
    const world = createWorld({ start: 7n, committed: 50n, checkpoint: undefined })
    await world.store.check()
    expect(world.losses).toEqual([{ partition: 0, checkpoint: undefined, applied: 50n, from: 7n }])
    expect(world.steps).toEqual(['checkpoint none to 7', 'seek 7'])
  })

  test('is noticed when the checkpoint is to be moved: the batch is abandoned', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 5n })
    await world.merge(5n, 9n)
    world.setCheckpoint(6n)
    await expect(world.merge(9n, 12n)).rejects.toThrow(Abandoned)
    expect(world.seeks.at(0)).toBe(6n)
    expect(world.checkpoint()).toBe(6n)
  })

  test('is noticed by a check between batches', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 5n })
    await world.merge(5n, 9n)
    world.setCheckpoint(undefined)
    await world.store.check()
    expect(world.losses).toMatchObject([{ applied: 9n, from: 0n }])
  })

  test('drops batches that were fetched before the rewind, then continues', async () => {
    const world = createWorld({ committed: 50n, checkpoint: 30n })
    await expect(world.merge(50n, 60n)).rejects.toThrow(Abandoned)
    await expect(world.merge(60n, 70n)).rejects.toThrow(Abandoned)
    expect(world.seeks).toEqual([30n, 30n, 30n])
    await world.merge(30n, 40n)
    expect(world.checkpoint()).toBe(40n)
    expect(world.losses).toHaveLength(1)
  })

  test('is no loss if the checkpoint still covers everything before the batch', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 20n })
    await world.merge(5n, 9n)
    world.setCheckpoint(12n)
    await world.merge(9n, 11n)
    expect(world.losses).toEqual([])
  })

  test('is reported once, however often Redis fails to set the checkpoint', async () => {
    const world = createWorld({ committed: 50n, checkpoint: 30n, outages: 2 })
    await expect(world.store.check()).rejects.toThrow(Unavailable)
    await expect(world.store.check()).rejects.toThrow(Unavailable)
    expect(world.losses).toEqual([])
    await world.store.check()
    await world.store.check()
    expect(world.losses).toHaveLength(1)
  })

  test('ends the worker if onLostState is stop, and names the command to run', async () => {
    const world = createWorld({ committed: 50n, checkpoint: 30n, onLostState: 'stop' })
    await expect(world.merge(50n, 60n)).rejects.toThrow(Abandoned)
    const failure = await world.store.failed
    expect(failure).toBeInstanceOf(StateLost)
    expect(failure.message).toMatch(/partitions 0.*group-traits rebuild/)
    expect(world.steps).toEqual([])

    // other batches in flight are abandoned, without a further report
    await expect(world.merge(30n, 40n)).rejects.toThrow(Abandoned)
    await expect(world.store.check()).rejects.toThrow(Abandoned)
    expect(world.losses).toHaveLength(1)
    expect(world.steps).toEqual([])
  })

  test('is noticed in the middle of a batch, also if the checkpoint equals the one of before', async () => {
    let isFlushed = false
    const world = createWorld({
      committed: undefined,
      checkpoint: undefined,
      onMerge: async ({ check }) => {
        if (isFlushed) return
        isFlushed = true
        world.setCheckpoint(undefined)
        await check()
      },
    })
    await world.merge(0n, 9n)
    const steps = [
      'checkpoint none to 0',
      'merge',
      'checkpoint none to 0',
      'seek 0',
      'merge',
      'checkpoint 0 to 9',
    ]
    expect(world.steps).toEqual(steps)
  })
})

test('a batch that starts beyond what is applied makes the store read the offsets again', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 5n })
  await world.merge(5n, 9n)
  // an operator set the offset by hand, and the worker rejoined the group
  world.setOffsets({ committed: undefined, next: 20n })
  await world.merge(20n, 25n)
  expect(world.checkpoint()).toBe(25n)
  expect(world.seeks).toEqual([])
})

test('a gap before a batch that no commit explains is read first', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 5n })
  await expect(world.merge(8n, 9n)).rejects.toThrow(Abandoned)
  expect(world.seeks).toEqual([5n])
})

test('a batch of a partition that is not assigned is abandoned', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 5n })
  world.store.assign([1])
  await expect(world.merge(5n, 9n)).rejects.toThrow(Abandoned)
  expect(world.steps).toEqual([])
})

test('a batch of an earlier assignment is not merged again under a later one', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 5n })
  await world.merge(5n, 9n)
  world.setCheckpoint(15n)
  world.onCheckpoints(() => world.store.assign([0]))
  await expect(world.merge(9n, 12n)).rejects.toThrow(Abandoned)
  expect(world.steps.slice(2)).toEqual(['merge'])
})

test('a batch moves no checkpoint once the partitions are reassigned', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 5n, onMerge: (w) => w.assign() })
  await expect(world.merge(5n, 9n)).rejects.toThrow(Abandoned)
  expect(world.checkpoint()).toBe(5n)
})

test('after a rewind, the next assignment continues from the commit, not from the old seek', async () => {
  const world = createWorld({ committed: 50n, checkpoint: 30n })
  await world.store.check()
  world.setOffsets({ committed: undefined, next: 2n })
  world.store.assign([0])
  await world.store.check()
  expect(world.seeks).toEqual([30n, 2n])
})

test('a checkpoint key of the wrong type ends the worker', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 5n, wrongType: true })
  await expect(world.merge(5n, 9n)).rejects.toThrow(Abandoned)
  expect((await world.store.failed).message).toBe('the key has the wrong type')
})

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
function createWorld(plan: Plan) {
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
