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
