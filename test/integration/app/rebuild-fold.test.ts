import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { type FoldOptions, foldUpTo } from '../../../src/app/rebuild/fold.ts'
import type { Unreadable } from '../../../src/app/topic-reader.ts'
import { textOf } from '../../../src/domain/json/stored-value.ts'
import { emptyState, mergeState } from '../../../src/domain/merge/merge.ts'
import { kafkajs } from '../../../src/kafka/client/kafkajs.ts'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import { Unavailable } from '../../../src/pipeline/errors.ts'
import { DEFAULT_RULES } from '../../setup/domain/decode-rules.ts'
import { makeTopic, produce, settingsFor } from '../../setup/kafka/topics.ts'
import { silentLog as log } from '../../setup/logs.ts'

test('each partition is folded from its position to its end, however far apart these are', async () => {
  const settings = settingsFor()
  await makeTopic(settings, 2)
  await produce(settings, [
    ...Array.from({ length: 30 }, (_, i) => ({ partition: 0, value: eventOf(`a${i}`) })),
    ...Array.from({ length: 10_100 }, () => ({ partition: 1, value: '{"type":"x"}' })),
    ...Array.from({ length: 30 }, (_, i) => ({ partition: 1, value: eventOf(`b${i}`) })),
  ])
  const { options, groups, sums } = foldOptions(settings)
  const positions = new Map([
    [0, 20n],
    [1, 10_095n],
  ])
  const ends = new Map([
    [0, 25n],
    [1, 10_110n],
  ])
  await foldUpTo(options, positions, ends)
  expect(positions).toEqual(ends)
  expect([...groups.keys()].sort()).toEqual([
    ...['a20', 'a21', 'a22', 'a23', 'a24'],
    ...['b0', 'b1', 'b2', 'b3', 'b4', 'b5', 'b6', 'b7', 'b8', 'b9'],
  ])
  expect(sums.records).toBe(20)
  await foldUpTo(options, positions, ends)
  expect(sums.records).toBe(20)
})

test('after a failure the fold goes on after the last merge, and skips nothing', async () => {
  const settings = settingsFor()
  await makeTopic(settings, 1)
  const values = Array.from({ length: 12_000 }, (_, i) => ({ value: eventOf(`g${i % 50}`, i) }))
  for (let at = 0; at < values.length; at += 3000)
    await produce(settings, values.slice(at, at + 3000))
  const { options, groups } = foldOptions(settings)
  let merges = 0
  const failing: FoldOptions = {
    ...options,
    merge: async (patches) => {
      merges++
      if (merges === 2) throw new Unavailable('redis', 'away')
      await options.merge(patches)
    },
  }
  const positions = new Map<number, bigint>()
  const ends = new Map([[0, 12_000n]])
  await expect(foldUpTo(failing, positions, ends)).rejects.toThrow('away')
  expect(positions).toEqual(new Map([[0, 5000n]]))
  await foldUpTo(failing, positions, ends)
  expect(positions).toEqual(ends)
  expect(groups).toEqual(
    new Map(Array.from({ length: 50 }, (_, i) => [`g${i}`, String(11_950 + i)])),
  )
})

test('a batch that cannot be read is reported, and the rest is folded', async () => {
  const settings = { ...settingsFor(), maxBatchBytes: 1024 * 1024 }
  await makeTopic(settings, 1)
  const codecs = kafkajs.CompressionCodecs as Record<number, () => object>
  codecs[kafkajs.CompressionTypes.GZIP] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => gzipSync(buffer),
  })
  await produce(settings, [{ value: eventOf('before') }])
  const bomb = [{ value: Buffer.alloc(4 * 1024 * 1024) }]
  await produce(settings, bomb, kafkajs.CompressionTypes.GZIP)
  await produce(settings, [{ value: eventOf('after') }])
  const { options, groups, unreadable } = foldOptions(settings)
  await foldUpTo(options, new Map(), new Map([[0, 3n]]))
  expect([...groups.keys()]).toEqual(['before', 'after'])
  expect(unreadable).toEqual([{ partition: 0, offset: 1n, reason: expect.any(String) }])
})

test('the signal ends the fold', async () => {
  const settings = settingsFor()
  await makeTopic(settings, 1)
  await produce(settings, [{ value: eventOf('a') }])
  const { options } = foldOptions(settings)
  const stopping = new AbortController()
  const reason = new Error('enough')
  const ended = foldUpTo(
    { ...options, merge: async () => stopping.abort(reason) },
    new Map(),
    new Map([[0, 2n]]),
    stopping.signal,
  )
  stopping.abort(reason)
  await expect(ended).rejects.toBe(reason)
})

/** Options of a fold that keeps the trait `n` of each group. */
function foldOptions(settings: KafkaSettings) {
  const states = new Map<string, Parameters<typeof mergeState>[0]>()
  const groups = new Map<string, string>()
  const sums = { records: 0 }
  const unreadable: Unreadable[] = []
  const options: FoldOptions = {
    config: { kafka: settings, events: DEFAULT_RULES },
    log,
    now: Date.now,
    merge: async (patches) => {
      for (const patch of patches) {
        const state = states.get(patch.groupId) ?? emptyState(patch.groupId)
        mergeState(state, patch)
        states.set(patch.groupId, state)
        groups.set(patch.groupId, textOf(state.traits.get('n')?.value ?? ''))
      }
    },
    onRecords: (records) => {
      sums.records += records
    },
    onUnreadable: (each) => unreadable.push(each),
  }
  return { options, groups, sums, unreadable }
}

function eventOf(groupId: string, n = 0): string {
  const timestamp = 1_700_000_000_000 + n
  return JSON.stringify({ group_id: groupId, user_id: 'u', traits: { n: `${n}` }, timestamp })
}
