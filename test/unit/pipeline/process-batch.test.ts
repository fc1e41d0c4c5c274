import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { DeadLetter } from '../../../src/domain/dead-letter.ts'
import { createDecoder, type Decoder } from '../../../src/domain/event/decode.ts'
import { type GroupState, mergeState } from '../../../src/domain/merge/merge.ts'
import type { KafkaRecord } from '../../../src/domain/record.ts'
import { Abandoned, PartitionStopped, Unavailable } from '../../../src/pipeline/errors.ts'
import type { BatchContext, RecordBatch, StateConflict } from '../../../src/pipeline/ports.ts'
import { type Pipeline, processBatch } from '../../../src/pipeline/process-batch.ts'
import { DEFAULT_RULES } from '../../setup/domain/decode-rules.ts'

const NOW = Date.UTC(2026, 0, 1)

describe('a batch of records', () => {
  test('becomes state, dead letters and a commit, in that order', async () => {
    const world = createWorld()
    const report = await processBatch(
      batchOf([
        event({ plan: 'pro' }),
        Buffer.from('not json'),
        event({ plan: 'free' }, '2020-01-01'),
      ]),
      world.context,
      world.pipeline,
    )
    expect(world.steps).toEqual(['turn', 'merge', 'dead letters', 'commit 3'])
    expect(world.states.get('acme')?.traits.get('plan')?.value).toBe('pro')
    expect(world.deadLetters.map(({ record, problem }) => [record.offset, problem.reason])).toEqual(
      [['1', 'not_json']],
    )
    expect(report).toMatchObject({ records: 3, accepted: 2, groups: 1, lag: 7n })
    expect(report.deadLetters).toEqual(new Map([['not_json', 1]]))
  })

  test('writes nothing to the dead-letter topic if no record is rejected', async () => {
    const world = createWorld()
    await processBatch(batchOf([event({})]), world.context, world.pipeline)
    expect(world.steps).toEqual(['turn', 'merge', 'commit 1'])
  })

  test('is decoded before its turn, and written after it', async () => {
    const world = createWorld()
    const { promise: turn, resolve: grantTurn } = Promise.withResolvers<void>()
    const decoded = Promise.withResolvers<void>()
    const context = {
      ...world.context,
      waitForTurn: () => {
        decoded.resolve()
        return turn
      },
    }
    let clock = 0
    const pipeline = { ...world.pipeline, elapsed: () => clock }
    const processing = processBatch(batchOf([event({}), Buffer.from('x')]), context, pipeline)
    await decoded.promise
    expect(world.steps).toEqual([])
    clock += 1000
    grantTurn()
    const report = await processing
    expect(world.steps).toEqual(['merge', 'dead letters', 'commit 2'])
    expect(report).toMatchObject({ decodeMs: 0, mergeMs: 0, deadLetterMs: 0, commitMs: 0 })
  })

  test('yields to the event loop after every few records, and not at all if it is short', async () => {
    const short = createWorld()
    await processBatch(batchOf([event({}), event({})]), short.context, short.pipeline)
    expect(short.yields()).toBe(0)
    const long = createWorld()
    await processBatch(batchOf(Array(5).fill(event({}))), long.context, long.pipeline)
    expect(long.yields()).toBe(2)
  })

  test('is abandoned, with nothing written, if the batch before it is', async () => {
    const abandoned = new Abandoned('the batch before was abandoned')
    const world = createWorld({ abandoned })
    const batch = batchOf([event({}), Buffer.from('x')])
    await expect(processBatch(batch, world.context, world.pipeline)).rejects.toBe(abandoned)
    expect(world.steps).toEqual(['turn'])
  })

  test('ignores events of another type, without dead letters', async () => {
    const world = createWorld()
    const track = Buffer.from('{"type":"track","event":"Signed Up"}')
    const report = await processBatch(batchOf([track]), world.context, world.pipeline)
    expect(report).toMatchObject({ records: 1, accepted: 0, ignored: 1 })
    expect(world.deadLetters).toEqual([])
  })

  test('dead-letters every event of a group that cannot be written, and merges the others', async () => {
    const world = createWorld({ conflicts: [{ groupId: 'acme', message: 'wrong type' }] })
    const other = event({}, '2021-01-01', 'other')
    await processBatch(batchOf([event({}), other, event({})]), world.context, world.pipeline)
    expect(world.deadLetters.map(({ record, problem }) => [record.offset, problem.reason])).toEqual(
      [
        ['0', 'state_conflict'],
        ['2', 'state_conflict'],
      ],
    )
    expect(world.states.has('other')).toBe(true)
    expect(world.steps.at(-1)).toBe('commit 3')
  })

  test('retries while Redis is away, then merges and commits', async () => {
    const world = createWorld({ failures: { merge: 3 } })
    await processBatch(batchOf([event({ plan: 'pro' })]), world.context, world.pipeline)
    expect(world.steps).toEqual(['turn', 'merge', 'merge', 'merge', 'merge', 'commit 1'])
    expect(world.outages).toEqual(['away', 'away', 'away', 'back'])
  })

  test('retries while the dead-letter topic is away, and commits only afterwards', async () => {
    const world = createWorld({ failures: { 'dead letters': 2 } })
    await processBatch(batchOf([Buffer.from('x')]), world.context, world.pipeline)
    expect(world.steps.filter((step) => step !== 'merge' && step !== 'turn')).toEqual([
      'dead letters',
      'dead letters',
      'dead letters',
      'commit 1',
    ])
  })

  test('is abandoned, uncommitted, if the worker stops during an outage', async () => {
    const world = createWorld({ failures: { merge: Number.POSITIVE_INFINITY } })
    const processing = processBatch(batchOf([event({})]), world.context, world.pipeline)
    world.stop()
    await expect(processing).rejects.toThrow(Abandoned)
    expect(world.steps.some((step) => step.startsWith('commit'))).toBe(false)
  })

  test('fails with the very error of a failed heartbeat', async () => {
    const rebalance = new Error('rebalance')
    const world = createWorld({ failures: { merge: Number.POSITIVE_INFINITY }, rebalance })
    const processing = processBatch(batchOf([event({})]), world.context, world.pipeline)
    await expect(processing).rejects.toBe(rebalance)
    expect(world.steps.some((step) => step.startsWith('commit'))).toBe(false)
  })

  test('is not committed if the store hits a bug', async () => {
    const bug = new TypeError('undefined is not a function')
    const world = createWorld({ bug })
    await expect(processBatch(batchOf([event({})]), world.context, world.pipeline)).rejects.toBe(
      bug,
    )
    expect(world.steps).toEqual(['turn', 'merge'])
  })

  test('stops at a record that hits a bug, once all records before it are durable', async () => {
    const world = createWorld({ breakAt: '1' })
    const processing = processBatch(
      batchOf([event({ plan: 'pro' }), event({ plan: 'x' }), event({ plan: 'y' })]),
      world.context,
      world.pipeline,
    )
    await expect(processing).rejects.toThrow(PartitionStopped)
    await expect(processing).rejects.toThrow(/record 1 of groups\/4 \(\d+ bytes\).*skip 4 1/)
    expect(world.steps).toEqual(['turn', 'merge', 'commit 1'])
    expect(world.states.get('acme')?.traits.get('plan')?.value).toBe('pro')
  })

  test('dead-letters no event after a record that hits a bug, also of a group that cannot be written', async () => {
    const conflicts = [{ groupId: 'acme', message: 'wrong type' }]
    const world = createWorld({ breakAt: '1', conflicts })
    const batch = batchOf([event({}), event({}), event({})])
    await expect(processBatch(batch, world.context, world.pipeline)).rejects.toThrow(
      PartitionStopped,
    )
    expect(world.deadLetters.map(({ record }) => record.offset)).toEqual(['0'])
  })
})

function event(traits: object, timestamp = '2021-01-01', groupId = 'acme'): Buffer {
  return Buffer.from(JSON.stringify({ group_id: groupId, user_id: 'ann', traits, timestamp }))
}

function batchOf(values: readonly Buffer[]): RecordBatch {
  const records = values.map(
    (value, offset): KafkaRecord => ({
      offset: String(offset),
      timestamp: String(NOW),
      key: null,
      value,
    }),
  )
  const next = BigInt(values.length)
  return {
    ...{ topic: 'groups', partition: 4, fetchOffset: 0n, records },
    ...{ nextOffset: next, highWatermark: next + 7n },
  }
}

interface Faults {
  readonly conflicts?: readonly StateConflict[]
  /** How often each step fails before it works. */
  readonly failures?: { readonly merge?: number; readonly 'dead letters'?: number }
  readonly rebalance?: Error
  /** Thrown instead of the turn. */
  readonly abandoned?: Abandoned
  readonly bug?: Error
  /** The offset of a record that hits a bug in the decoder. */
  readonly breakAt?: string
}

/** Kafka and Redis in memory: they record each step, and fail as `faults` says. */
function createWorld(faults: Faults = {}) {
  const steps: string[] = []
  let yields = 0
  const outages: string[] = []
  const deadLetters: DeadLetter[] = []
  const states = new Map<string, GroupState>()
  const stopping = new AbortController()
  const left = { merge: 0, 'dead letters': 0, ...faults.failures }

  const step = (name: keyof typeof left) => {
    steps.push(name)
    if (left[name]-- > 0) throw new Unavailable('redis', `${name} failed`)
  }
  const context: BatchContext = {
    signal: stopping.signal,
    waitForTurn: async () => {
      steps.push('turn')
      if (faults.abandoned !== undefined) throw faults.abandoned
    },
    assertOwned: () => {},
    heartbeat: async () => {
      if (faults.rebalance !== undefined) throw faults.rebalance
    },
    commit: async (next) => {
      steps.push(`commit ${next}`)
    },
  }
  const decoder = createDecoder(DEFAULT_RULES)
  const breaking: Decoder = {
    ...decoder,
    decodeRecord(record, now) {
      if (record.offset === faults.breakAt) throw new RangeError('a bug')
      return decoder.decodeRecord(record, now)
    },
  }
  const pipeline: Pipeline = {
    decoder: breaking,
    now: () => NOW,
    elapsed: () => 0,
    recordsPerYield: 2,
    yieldLoop: async () => {
      yields++
    },
    retry: {
      firstDelayMs: 2,
      maxDelayMs: 8,
      heartbeatMs: 1,
      random: () => 1,
      sleep: (ms, signal) => sleep(ms, undefined, { signal }),
      onUnavailable: () => outages.push('away'),
      onAvailable: () => outages.push('back'),
    },
    store: {
      async merge(_batch, _next, patches) {
        step('merge')
        if (faults.bug !== undefined) throw faults.bug
        const conflicts = faults.conflicts ?? []
        for (const patch of patches) {
          if (conflicts.some(({ groupId }) => groupId === patch.groupId)) continue
          const state = states.get(patch.groupId)
          if (state === undefined) states.set(patch.groupId, patch)
          else mergeState(state, patch)
        }
        return conflicts
      },
    },
    deadLetterTopic: {
      async write(written) {
        step('dead letters')
        deadLetters.push(...written)
      },
    },
  }
  return {
    ...{ steps, outages, deadLetters, states, context, pipeline },
    stop: () => stopping.abort(),
    yields: () => yields,
  }
}
