import { expect, onTestFinished, test } from 'vitest'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import { createDeadLetterTopic } from '../../../src/kafka/producer/dead-letter-topic.ts'
import { readOffsets } from '../../../src/kafka/topics/offsets.ts'
import { type Skipped, skipRecord } from '../../../src/kafka/topics/skip.ts'
import { ensureDeadLetterTopic } from '../../../src/kafka/topics/topics.ts'
import { PartitionStopped } from '../../../src/pipeline/errors.ts'
import { committed, consume, makeTopic, produce, settingsFor } from '../../setup/kafka/topics.ts'
import { silentLog as log } from '../../setup/logs.ts'
import { until } from '../../setup/waiting.ts'

test('a record that stops its partition is skipped while two workers run', async () => {
  const settings = settingsFor()
  await makeTopic(settings, 2)
  await ensureDeadLetterTopic(settings, log)
  await produce(settings, [
    { partition: 0, key: 'k', value: 'good' },
    { partition: 0, key: 'k', value: 'stops', headers: { h: 'x' } },
    { partition: 0, key: 'k', value: 'behind' },
  ])
  const workers = [consume(settings, stopAtOne), consume(settings, stopAtOne)]
  const states = () => workers.flatMap(({ consumer }) => consumer.state().partitions)
  await until('it stops', () => states().some(({ stopped }) => stopped?.offset === 1n))

  expect(await skip(settings, 0, 1n)).toEqual({
    partition: 0,
    offset: 1n,
    nextOffset: 2n,
    wasReadable: true,
  })
  const values = () => workers.flatMap((worker) => worker.values())
  await until('it goes on', () => values().includes('behind'))
  expect(states().filter(({ stopped }) => stopped !== undefined)).toEqual([])

  const letters = consume({
    ...settings,
    topic: settings.deadLetterTopic,
    groupId: `${settings.groupId}.letters`,
  })
  await until('the letter is there', () => letters.records.length === 1)
  const [letter] = letters.records
  expect(letter?.value?.toString()).toBe('stops')
  expect(String(letter?.headers?.['group-traits.reason'])).toBe('skipped')
  expect(String(letter?.headers?.['__connect.errors.offset'])).toBe('1')
  expect(String(letter?.headers?.h)).toBe('x')
})

test('of a group that never ran, the first record can be skipped', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await ensureDeadLetterTopic(settings, log)
  await produce(settings, [{ value: 'a' }, { value: 'b' }])
  await skip(settings, 0, 0n)
  expect(await committed(settings)).toEqual({ 0: '1' })
  // an offset that was set by hand, not one that a worker committed
  expect(await readOffsets(settings, log)).toEqual([
    { partition: 0, start: 0n, end: 2n, next: 1n, committed: undefined },
  ])
})

test('only the record at which the group stands can be skipped', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await ensureDeadLetterTopic(settings, log)
  await produce(settings, [{ value: 'a' }, { value: 'b' }, { value: 'c' }])
  await skip(settings, 0, 0n)
  for (const offset of [0n, 2n, 3n]) {
    await expect(skip(settings, 0, offset)).rejects.toThrow(
      `group ${settings.groupId} goes on at offset 1 of partition 0, not at ${offset}`,
    )
  }
  await expect(skip(settings, 7, 0n)).rejects.toThrow('has partitions 0 to 0, no 7')
  expect(await committed(settings)).toEqual({ 0: '1' })
})

async function stopAtOne(batch: { records: readonly { offset: string }[] }, context: RedisLock) {
  if (!batch.records.some(({ offset }) => offset === '1')) return
  await context.commit(1n)
  throw new PartitionStopped(1n, 'record 1 hit a bug')
}

type RedisLock = { commit(offset: bigint): Promise<void> }

async function skip(settings: KafkaSettings, partition: number, offset: bigint): Promise<Skipped> {
  const deadLetters = createDeadLetterTopic(settings, log)
  onTestFinished(() => deadLetters.close())
  return await skipRecord({ settings, log, deadLetters, partition, offset })
}
