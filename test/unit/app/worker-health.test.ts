import { expect, test } from 'vitest'
import { OutageBoard } from '../../../src/app/outage-board.ts'
import type { Stall } from '../../../src/app/watch/watchdog-stalls.ts'
import { healthOf, updateMetrics, type Vitals } from '../../../src/app/worker-health.ts'
import type { ConsumerState } from '../../../src/kafka/consumer/consumer.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { silentLog } from '../../setup/logs.ts'

const READING: ConsumerState = {
  isReading: true,
  outage: undefined,
  partitions: [{ partition: 0, position: 7n, lag: 2n }],
  batchesInFlight: 3,
}
const STALL: Stall = {
  partition: 0,
  position: 7n,
  lag: 5n,
  sinceMs: 0,
  stalledMs: 90_000,
  inFlightMs: 0,
}

function vitalsOf(state: ConsumerState, stalls: readonly Stall[] = []): Vitals {
  return {
    topic: 'groups',
    outages: new OutageBoard(
      ['kafka', 'redis'],
      silentLog,
      () => 0,
      () => {},
    ),
    consumer: {
      ended: new Promise(() => {}),
      state: () => state,
      seek: () => {},
      stop: async () => {},
    },
    watchdog: {
      expired: new Promise(() => {}),
      watching: (handle) => handle,
      stalls: () => stalls,
      end: () => {},
    },
    failure: undefined,
  }
}

test('a worker that reads is live and ready', () => {
  expect(healthOf(vitalsOf(READING))).toMatchObject({ live: true, ready: true })
})

test('a stopped partition makes the worker not ready, and names the record; a restart would not help', () => {
  const stopped = { offset: 7n, message: 'record 7 of groups/0 hit a bug' }
  const health = healthOf(vitalsOf({ ...READING, partitions: [{ partition: 0, stopped }] }))
  expect(health).toMatchObject({ live: true, ready: false })
  expect(JSON.stringify(health.parts)).toContain(stopped.message)
})

test('a partition without progress makes the worker not ready, and its lag comes from the watchdog', async () => {
  const vitals = vitalsOf(READING, [STALL])
  expect(healthOf(vitals)).toMatchObject({ live: true, ready: false })
  expect(await metricsOf(vitals)).toMatchObject({
    'group_traits_partition_lag_records{topic="groups",partition="0"}': '5',
    'group_traits_partition_stalled_seconds{topic="groups",partition="0"}': '90',
  })
})

test('the metrics have the batches in flight and the stopped partitions', async () => {
  expect(await metricsOf(vitalsOf(READING))).toMatchObject({
    group_traits_unfinished_batches: '3',
    group_traits_stopped_partitions: '0',
  })
})

/** Name and labels → value, after a scrape. */
async function metricsOf(vitals: Vitals): Promise<Record<string, string>> {
  const metrics = createMetrics(() => 0)
  updateMetrics(metrics, vitals)
  const { body } = await metrics.scrape()
  const lines = body.split('\n').filter((line) => line.startsWith('group_traits_'))
  return Object.fromEntries(lines.map((line) => line.split(' ') as [string, string]))
}
