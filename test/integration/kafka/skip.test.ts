import { expect, onTestFinished, test } from 'vitest'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import { createDeadLetterTopic } from '../../../src/kafka/producer/dead-letter-topic.ts'
import { readOffsets } from '../../../src/kafka/topics/offsets.ts'
import { type Skipped, skipRecord } from '../../../src/kafka/topics/skip.ts'
import { ensureDeadLetterTopic } from '../../../src/kafka/topics/topics.ts'
import { PartitionStopped } from '../../../src/pipeline/errors.ts'
import type { BatchContext } from '../../../src/pipeline/ports.ts'
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
    { partition: 0, key: 'k', value: 'after' },
  ])
  const workers = [consume(settings, stopAtOne), consume(settings, stopAtOne)]
  const states = () => workers.flatMap(({ consumer }) => consumer.state().partitions)
  await until('the partition stops', () => states().some(({ stopped }) => stopped?.offset === 1n))

  expect(await skip(settings, 0, 1n)).toEqual({
    partition: 0,
    offset: 1n,
    nextOffset: 2n,
    wasReadable: true,
  })
  const values = () => workers.flatMap((worker) => worker.values())
  await until('the partition continues', () => values().includes('after'))
  expect(states().filter(({ stopped }) => stopped !== undefined)).toEqual([])

  const deadLetters = consume({
    ...settings,
    topic: settings.deadLetterTopic,
    groupId: `${settings.groupId}.dead-letters`,
  })
  await until('the dead letter is there', () => deadLetters.records.length === 1)
  const [deadLetter] = deadLetters.records
  expect(deadLetter?.value?.toString()).toBe('stops')
  expect(String(deadLetter?.headers?.['group-traits.reason'])).toBe('skipped')
  expect(String(deadLetter?.headers?.['__connect.errors.offset'])).toBe('1')
  expect(String(deadLetter?.headers?.h)).toBe('x')
})

test('the first record can be skipped for a group that never ran', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await ensureDeadLetterTopic(settings, log)
  await produce(settings, [{ value: 'a' }, { value: 'b' }])
  await skip(settings, 0, 0n)
  expect(await committed(settings)).toEqual({ 0: '1' })
  // the commit counts as set by hand, not as one of a worker
  expect(await readOffsets(settings, log)).toEqual([
    { partition: 0, start: 0n, end: 2n, next: 1n, committed: undefined },
  ])
})

test('only the record at which the group continues can be skipped', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await ensureDeadLetterTopic(settings, log)
  await produce(settings, [{ value: 'a' }, { value: 'b' }, { value: 'c' }])
  await skip(settings, 0, 0n)
  for (const offset of [0n, 2n, 3n]) {
    await expect(skip(settings, 0, offset)).rejects.toThrow(
      `group ${settings.groupId} continues at offset 1 of partition 0, not at ${offset}`,
    )
  }
  await expect(skip(settings, 7, 0n)).rejects.toThrow('has partitions 0 to 0, no 7')
  expect(await committed(settings)).toEqual({ 0: '1' })
})

async function stopAtOne(
  batch: { records: readonly { offset: string }[] },
  context: Pick<BatchContext, 'commit'>,
) {
  if (!batch.records.some(({ offset }) => offset === '1')) return
  await context.commit(1n)
  throw new PartitionStopped(1n, 'record 1 hit a bug')
}

async function skip(settings: KafkaSettings, partition: number, offset: bigint): Promise<Skipped> {
  const deadLetterTopic = createDeadLetterTopic(settings, log)
  onTestFinished(() => deadLetterTopic.close())
  return await skipRecord({ settings, log, deadLetterTopic, partition, offset })
}
