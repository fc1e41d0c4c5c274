import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, inject, test } from 'vitest'
import { consume, makeTopic, settingsFor } from '../../setup/kafka/topics.ts'
import { until } from '../../setup/waiting.ts'

const run = promisify(execFile)
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const COUNT = 3000
const producerFile = (file: string) => new URL(`producers/${file}`, import.meta.url).pathname

const jars = inject('kafkaJars')
const hasLibrdkafka = await run('python3', ['-c', 'import confluent_kafka']).then(
  () => true,
  () => false,
)

test.skipIf(jars === '')(
  `every codec of the Java client is read${jars === '' ? ' (skipped: no Kafka jars)' : ''}`,
  async () => {
    await expectAllRead('java', ['-cp', jars, producerFile('Producer.java')])
  },
  60_000,
)

test.skipIf(!hasLibrdkafka)(
  `every codec of librdkafka is read${hasLibrdkafka ? '' : ' (skipped: pip install confluent-kafka)'}`,
  async () => {
    await expectAllRead('python3', [producerFile('producer.py')])
  },
  60_000,
)

/** Has the program produce records in each codec, and reads them. */
async function expectAllRead(command: string, args: string[]): Promise<void> {
  const settings = settingsFor()
  await makeTopic(settings)
  const brokers = settings.brokers.join(',')
  await run(command, [...args, brokers, settings.topic, String(COUNT), ...CODECS])

  const { records, values } = consume(settings)
  await until('all records are read', () => records.length >= COUNT * CODECS.length)
  const wanted = CODECS.flatMap((codec) =>
    Array.from({ length: COUNT }, (_, i) => `${codec} ${i} ${'x'.repeat(i % 300)}`),
  )
  expect(values()).toEqual(wanted)
  expect(records.slice(0, 3).map(({ key }) => key?.toString())).toEqual([
    undefined,
    'key 1',
    'key 2',
  ])
  expect(records.at(-1)?.headers).toEqual({
    n: [Buffer.from('1'), Buffer.alloc(0), Buffer.from('3')],
  })
}
