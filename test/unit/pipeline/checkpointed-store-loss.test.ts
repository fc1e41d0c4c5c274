import { describe, expect, test } from 'vitest'
import { Abandoned, StateLost, Unavailable } from '../../../src/pipeline/errors.ts'
import { createWorld } from './checkpointed-world.ts'

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
