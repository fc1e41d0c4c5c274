import { describe, expect, test } from 'vitest'
import { Abandoned, Unavailable } from '../../../src/pipeline/errors.ts'
import { createWorld } from './checkpointed-world.ts'

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
