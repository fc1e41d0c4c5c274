import { expect, test } from 'vitest'
import type { BatchReport } from '../../../src/pipeline/process-batch.ts'
import { createGatewayMetrics, createMetrics } from '../../../src/telemetry/metrics.ts'

const NOW_MS = 1_700_000_000_000

const REPORT: BatchReport = {
  topic: 'groups',
  partition: 3,
  records: 12,
  accepted: 7,
  ignored: 2,
  erasures: 1,
  deadLetters: new Map([
    ['not_json', 2],
    ['state_conflict', 1],
  ]),
  groups: 4,
  decodeMs: 1.5,
  waitMs: 3,
  mergeMs: 4,
  deadLetterMs: 20,
  commitMs: 2,
  firstTimestampMs: NOW_MS - 30,
  lag: 500n,
}

async function samples(metrics: { scrape(): Promise<{ body: string }> }): Promise<string[]> {
  return (await metrics.scrape()).body.split('\n')
}

test('a batch is counted by outcome, group and reason of its dead letters', async () => {
  const metrics = createMetrics(() => NOW_MS)
  metrics.observeBatch(REPORT)
  metrics.observeBatch(REPORT)

  expect(await samples(metrics)).toEqual(
    expect.arrayContaining([
      'group_traits_batches_total 2',
      'group_traits_records_total{outcome="accepted"} 14',
      'group_traits_records_total{outcome="erasure"} 2',
      'group_traits_records_total{outcome="ignored"} 4',
      'group_traits_records_total{outcome="rejected"} 4',
      'group_traits_dead_letters_total{reason="not_json"} 4',
      'group_traits_groups_merged_total 8',
      'group_traits_dead_letters_total{reason="state_conflict"} 2',
      'group_traits_partition_lag_records{topic="groups",partition="3"} 500',
    ]),
  )
})

test('every step and the age of the first record are measured in seconds', async () => {
  const metrics = createMetrics(() => NOW_MS)
  metrics.observeBatch(REPORT)

  expect(await samples(metrics)).toEqual(
    expect.arrayContaining([
      'group_traits_batch_step_seconds_sum{step="decode"} 0.0015',
      'group_traits_batch_step_seconds_sum{step="wait"} 0.003',
      'group_traits_batch_step_seconds_sum{step="merge"} 0.004',
      'group_traits_batch_step_seconds_sum{step="dead_letters"} 0.02',
      'group_traits_batch_step_seconds_sum{step="commit"} 0.002',
      'group_traits_end_to_end_latency_seconds_sum 0.03',
      'group_traits_end_to_end_latency_seconds_count 1',
    ]),
  )
})

test('the stall and the lag of a partition are reported until it is no longer assigned', async () => {
  const metrics = createMetrics(() => NOW_MS)
  metrics.observeLag('groups', 3, 12n)
  metrics.setPartitions('groups', [
    { partition: 3, stalledMs: 61_500 },
    { partition: 4, stalledMs: 0 },
  ])
  expect(await samples(metrics)).toEqual(
    expect.arrayContaining([
      'group_traits_partition_lag_records{topic="groups",partition="3"} 12',
      'group_traits_partition_stalled_seconds{topic="groups",partition="3"} 61.5',
      'group_traits_partition_stalled_seconds{topic="groups",partition="4"} 0',
    ]),
  )

  metrics.setPartitions('groups', [{ partition: 4, stalledMs: 0 }])
  expect((await metrics.scrape()).body).not.toMatch(/stalled_seconds.*partition="3"/)
})

test('a batch without a timestamp adds no latency', async () => {
  const metrics = createMetrics(() => NOW_MS)
  metrics.observeBatch({ ...REPORT, firstTimestampMs: -1 })
  expect(await samples(metrics)).toContain('group_traits_end_to_end_latency_seconds_count 0')
})

test('a record from a clock ahead of ours has no negative latency', async () => {
  const metrics = createMetrics(() => NOW_MS)
  metrics.observeBatch({ ...REPORT, firstTimestampMs: NOW_MS + 5000 })
  expect(await samples(metrics)).toContain('group_traits_end_to_end_latency_seconds_sum 0')
})

test('a counter starts at 0 before anything has happened, so that its rate is known', async () => {
  const lines = await samples(createMetrics(() => NOW_MS))
  expect(lines).toContain('group_traits_records_total{outcome="accepted"} 0')
  expect(lines).toContain('group_traits_dead_letters_total{reason="timestamp_in_future"} 0')
  expect(lines).toContain('group_traits_stopped_partitions 0')
})

test('batches that were begun and are not finished are reported', async () => {
  const metrics = createMetrics(() => NOW_MS)
  metrics.setUnfinishedBatches(2)
  expect(await samples(metrics)).toContain('group_traits_unfinished_batches 2')
})

test('the lag of a partition that was assigned to another worker is no longer reported', async () => {
  const metrics = createMetrics(() => NOW_MS)
  metrics.observeBatch(REPORT)
  metrics.observeBatch({ ...REPORT, partition: 4 })
  metrics.keepPartitions('groups', [4])

  const lags = (await samples(metrics)).filter((line) => line.includes('lag_records{'))
  expect(lags).toEqual(['group_traits_partition_lag_records{topic="groups",partition="4"} 500'])
})

test('the duration of an outage grows until it is over, even if it is reported again', async () => {
  let nowMs = NOW_MS
  const metrics = createMetrics(() => nowMs)
  metrics.setUp('redis', false)
  metrics.setUp('kafka', true)
  nowMs += 5000
  metrics.setUp('redis', false)
  nowMs += 2500

  expect(await samples(metrics)).toEqual(
    expect.arrayContaining([
      'group_traits_dependency_up{dependency="redis"} 0',
      'group_traits_dependency_up{dependency="kafka"} 1',
      'group_traits_outage_seconds{dependency="redis"} 7.5',
      'group_traits_outage_seconds{dependency="kafka"} 0',
    ]),
  )

  metrics.setUp('redis', true)
  const after = await samples(metrics)
  expect(after).toContain('group_traits_dependency_up{dependency="redis"} 1')
  expect(after).toContain('group_traits_outage_seconds{dependency="redis"} 0')
})

test('answers of the gateway are measured by status', async () => {
  const metrics = createGatewayMetrics(() => NOW_MS)
  metrics.observeAnswer(200, 3)
  metrics.observeAnswer(200, 5)
  metrics.observeAnswer(400, 1)
  expect(await samples(metrics)).toEqual(
    expect.arrayContaining([
      'group_traits_gateway_answer_seconds_count{status="200"} 2',
      'group_traits_gateway_answer_seconds_sum{status="200"} 0.008',
      'group_traits_gateway_answer_seconds_count{status="400"} 1',
    ]),
  )
})

test('each of our metrics has the prefix, a unit or _total, and a help text', async () => {
  for (const metrics of [createMetrics(() => NOW_MS), createGatewayMetrics(() => NOW_MS)]) {
    const lines = await samples(metrics)
    const ours = lines.filter((line) => line.startsWith('# HELP group_traits_'))
    expect(ours.length).toBeGreaterThan(2)
    for (const line of ours) {
      const [, , name = '', ...help] = line.split(' ')
      expect(name).toMatch(/_(total|seconds|records|partitions|batches|up)$/)
      expect(help.length).toBeGreaterThan(5)
    }
  }
})

test('the process itself is measured, and each instance has its own registry', async () => {
  const first = createMetrics(() => NOW_MS)
  const second = createMetrics(() => NOW_MS)
  first.observeBatch(REPORT)
  const lines = await samples(second)
  expect(lines.some((line) => line.startsWith('process_resident_memory_bytes '))).toBe(true)
  expect(lines).toContain('group_traits_batches_total 0')
})

test('a scrape names the text format of Prometheus', async () => {
  const { contentType } = await createMetrics(() => NOW_MS).scrape()
  expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
})
