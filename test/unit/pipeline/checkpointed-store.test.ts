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

  test('does not move where the connection changed since the merge began', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 5n, onMerge: (w) => w.reconnect() })
    await expect(world.merge(5n, 9n)).rejects.toThrow(Unavailable)
    expect(world.checkpoint()).toBe(5n)
  })

  test('does not go back for a batch that is delivered again', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 20n })
    await world.merge(5n, 9n)
    expect(world.checkpoint()).toBe(20n)
    expect(world.losses).toEqual([])
  })

  test('follows at a first start, whatever stands there', async () => {
    const world = createWorld({ start: 3n, committed: undefined, next: 3n, checkpoint: 700n })
    await world.merge(3n, 4n)
    expect(world.checkpoint()).toBe(4n)
    expect(world.losses).toEqual([])
  })

  test('follows an offset that was set by hand, back and forth', async () => {
    for (const next of [2n, 90n]) {
      const world = createWorld({ committed: undefined, next, checkpoint: 50n })
      await world.store.look()
      expect(world.checkpoint()).toBe(next)
      expect(world.losses).toEqual([])
    }
  })

  test('follows where the topic was made anew, and is shorter than what was committed', async () => {
    const world = createWorld({ committed: 50n, end: 10n, next: 0n, checkpoint: 50n })
    await world.merge(0n, 4n)
    expect(world.checkpoint()).toBe(4n)
    expect(world.losses).toEqual([])
  })

  test('is no loss where a former owner moved it on, late: the batch is merged again', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 5n })
    await world.merge(5n, 9n)
    world.setCheckpoint(15n)
    await world.merge(9n, 12n)
    expect(world.steps.slice(2)).toEqual(['merge', 'merge', 'checkpoint 15 to 15'])
    expect(world.losses).toEqual([])
  })
})

test('a seek is repeated under later assignments only until reading is seen to go on there', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 2n })
  await world.store.look()
  world.store.assign([0])
  await world.store.look()
  expect(world.seeks).toEqual([2n, 2n])
  await world.merge(2n, 9n)
  world.store.assign([0])
  await world.store.look()
  expect(world.seeks).toEqual([2n, 2n])
})

test('a checkpoint that a new owner set back by hand is no loss to a former one', async () => {
  for (const committed of [undefined, 3n]) {
    const world = createWorld({ committed: 5n, checkpoint: 5n })
    await world.merge(5n, 9n)
    world.setOffsets({ committed, next: committed ?? 2n })
    world.setCheckpoint(4n)
    await world.store.look()
    expect(world.losses).toEqual([])
    expect(world.seeks).toEqual([4n])
    expect(world.steps.slice(2)).toEqual(['seek 4'])
  }
})

test('checkpoints are held against what Kafka had counted as applied before they were read', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 5n })
  await world.merge(5n, 9n)
  // the new owner goes on meanwhile: a checkpoint that is read first would look like a loss
  world.setCheckpoint(2n)
  world.onOffsets(() => {
    world.setOffsets({ committed: 7n })
    world.setCheckpoint(7n)
  })
  await world.store.look()
  expect(world.losses).toEqual([])
})

test('a former owner does not set back what the new one applied meanwhile', async () => {
  const world = createWorld({ committed: undefined, next: 2n, checkpoint: 2n })
  world.onOffsets(() => world.setCheckpoint(4n))
  await expect(world.store.look()).rejects.toThrow(Unavailable)
  expect(world.checkpoint()).toBe(4n)
})

describe('a store that lost acknowledged writes', () => {
  test('is noticed at the assignment, and read again from its checkpoint', async () => {
    const world = createWorld({ committed: 50n, checkpoint: 30n })
    await world.store.look()
    expect(world.losses).toEqual([{ partition: 0, checkpoint: 30n, applied: 50n, from: 30n }])
    expect(world.seeks).toEqual([30n])
  })

  test('is read again from the start where it has no checkpoint, and gets one first', async () => {
    const world = createWorld({ start: 7n, committed: 50n, checkpoint: undefined })
    await world.store.look()
    expect(world.losses).toEqual([{ partition: 0, checkpoint: undefined, applied: 50n, from: 7n }])
    expect(world.steps).toEqual(['checkpoint none to 7', 'seek 7'])
  })

  test('is noticed when a batch is to be marked, which is then not applied', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 5n })
    await world.merge(5n, 9n)
    world.setCheckpoint(6n)
    await expect(world.merge(9n, 12n)).rejects.toThrow(Abandoned)
    expect(world.seeks.at(0)).toBe(6n)
    expect(world.checkpoint()).toBe(6n)
  })

  test('is noticed between batches, when somebody looks', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 5n })
    await world.merge(5n, 9n)
    world.setCheckpoint(undefined)
    await world.store.look()
    expect(world.losses).toMatchObject([{ applied: 9n, from: 0n }])
  })

  test('drops batches that were fetched before reading went back, then goes on', async () => {
    const world = createWorld({ committed: 50n, checkpoint: 30n })
    await expect(world.merge(50n, 60n)).rejects.toThrow(Abandoned)
    await expect(world.merge(60n, 70n)).rejects.toThrow(Abandoned)
    expect(world.seeks).toEqual([30n, 30n, 30n])
    await world.merge(30n, 40n)
    expect(world.checkpoint()).toBe(40n)
    expect(world.losses).toHaveLength(1)
  })

  test('is not lost where its checkpoint still covers what is delivered again', async () => {
    const world = createWorld({ committed: 5n, checkpoint: 20n })
    await world.merge(5n, 9n)
    world.setCheckpoint(12n)
    await world.merge(9n, 11n)
    expect(world.losses).toEqual([])
  })

  test('is told of once, however often Redis refuses the checkpoint meanwhile', async () => {
    const world = createWorld({ committed: 50n, checkpoint: 30n, refusals: 2 })
    await expect(world.store.look()).rejects.toThrow(Unavailable)
    await expect(world.store.look()).rejects.toThrow(Unavailable)
    expect(world.losses).toEqual([])
    await world.store.look()
    await world.store.look()
    expect(world.losses).toHaveLength(1)
  })

  test('ends the worker, where that is wanted, with the command to run', async () => {
    const world = createWorld({ committed: 50n, checkpoint: 30n, onLostState: 'stop' })
    await expect(world.merge(50n, 60n)).rejects.toThrow(Abandoned)
    const failure = await world.store.failed
    expect(failure).toBeInstanceOf(StateLost)
    expect(failure.message).toMatch(/partitions 0.*group-traits rebuild/)
    expect(world.steps).toEqual([])

    // what else is in hand is dropped, and says nothing more
    await expect(world.merge(30n, 40n)).rejects.toThrow(Abandoned)
    await expect(world.store.look()).rejects.toThrow(Abandoned)
    expect(world.losses).toHaveLength(1)
    expect(world.steps).toEqual([])
  })

  test('is lost with the first part of a batch, also where the checkpoint is as it was before', async () => {
    let isFlushed = false
    const world = createWorld({
      committed: undefined,
      checkpoint: undefined,
      onMerge: async ({ look }) => {
        if (isFlushed) return
        isFlushed = true
        world.setCheckpoint(undefined)
        await look()
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

test('a batch that leaves a gap makes the store look at the offsets anew', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 5n })
  await world.merge(5n, 9n)
  // somebody set the offset by hand, and the group was joined anew
  world.setOffsets({ committed: undefined, next: 20n })
  await world.merge(20n, 25n)
  expect(world.checkpoint()).toBe(25n)
  expect(world.seeks).toEqual([])
})

test('a gap that nothing explains is read', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 5n })
  await expect(world.merge(8n, 9n)).rejects.toThrow(Abandoned)
  expect(world.seeks).toEqual([5n])
})

test('batches of partitions that are not ours are abandoned', async () => {
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

test('a batch moves no checkpoint once the partitions are assigned anew', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 5n, onMerge: (w) => w.assign() })
  await expect(world.merge(5n, 9n)).rejects.toThrow(Abandoned)
  expect(world.checkpoint()).toBe(5n)
})

test('where reading was set back, it goes on from the commit under the next assignment', async () => {
  const world = createWorld({ committed: 50n, checkpoint: 30n })
  await world.store.look()
  world.setOffsets({ committed: undefined, next: 2n })
  world.store.assign([0])
  await world.store.look()
  expect(world.seeks).toEqual([30n, 2n])
})

test('what stands at the checkpoint and is none ends the worker', async () => {
  const world = createWorld({ committed: 5n, checkpoint: 5n, foreign: true })
  await expect(world.merge(5n, 9n)).rejects.toThrow(Abandoned)
  expect((await world.store.failed).message).toBe('a foreign key')
})

interface Plan {
  readonly start?: bigint
  readonly end?: bigint
  readonly next?: bigint
  readonly committed: bigint | undefined
  readonly checkpoint: bigint | undefined
  readonly foreign?: true
  /** How often Redis refuses to set the checkpoint before it does. */
  readonly refusals?: number
  readonly onLostState?: 'replay' | 'stop'
  readonly onMerge?: (world: Meanwhile) => void | Promise<void>
}

/** What may come in between. */
interface Meanwhile {
  reconnect(): void
  look(): Promise<void>
  assign(): void
}

/** A store and a topic of one partition in memory, which note each step. */
function createWorld(plan: Plan) {
  const steps: string[] = []
  const seeks: bigint[] = []
  const losses: Loss[] = []
  const { start = 0n, end = 100n, committed, next = committed ?? start } = plan
  let offsets: PartitionOffsets = { partition: 0, start, end, next, committed }
  let checkpoint = plan.checkpoint
  let connection = 1
  let refusals = plan.refusals ?? 0
  let beforeOffsets = () => {}
  let beforeCheckpoints = () => {}
  const asCheckpoint = (at: bigint | undefined): Checkpoint => ({
    next: at,
    parts: new Map(at === undefined ? [] : [['checkpoints', at]]),
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
          look: () => store.look(),
          assign: () => store.assign([0]),
        })
        return []
      },
    },
    checkpoints: {
      read: async () => {
        beforeCheckpoints()
        if (plan.foreign) throw new NotRetriable('redis', 'a foreign key')
        return new Map(checkpoint === undefined ? [] : [[0, asCheckpoint(checkpoint)]])
      },
      compareAndSet: async (_, seen, to) => {
        if (refusals-- > 0) throw new Unavailable('redis', 'out of memory')
        if (seen?.next !== checkpoint) return undefined
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
