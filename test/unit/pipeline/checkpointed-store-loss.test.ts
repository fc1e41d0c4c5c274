import { describe, expect, test } from 'vitest'
import { Abandoned, StateLost, Unavailable } from '../../../src/pipeline/errors.ts'
import { createWorld } from './checkpointed-world.ts'

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
