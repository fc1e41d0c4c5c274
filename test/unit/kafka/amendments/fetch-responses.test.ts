import { zstdCompressSync } from 'node:zlib'
import type { Kafka } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { fetchLimits } from '../../../../src/kafka/wire/fetch-response.ts'
import type { FetchedRecord } from '../../../../src/kafka/wire/record-batch.ts'
import { batchBytes, fetchResponse } from '../../../setup/kafka/wire-bytes.ts'
import { amendedKafkajs } from './fresh-kafkajs.ts'

const VALUE = Buffer.alloc(10_000, 'v')
const ZSTD = { codec: 4, compress: zstdCompressSync }
const RESPONSE = fetchResponse(
  batchBytes({ firstOffset: 5n, records: [{ value: VALUE }], ...ZSTD }),
)
const PARTITION_ERROR = 25

describe('amendment: fetch responses', () => {
  test('a batch that kafkajs cannot read is decoded', async () => {
    const kafkajs = amendedKafkajs()
    const [record] = await fetch(kafkajs, kafkajs.createClient())
    expect(record).toMatchObject({ offset: '5', value: VALUE })
  })

  test('the limits are those of the client that fetches', async () => {
    const kafkajs = amendedKafkajs()
    const small = kafkajs.createClient({ fetchLimits: fetchLimits(5000) })
    const large = kafkajs.createClient({ fetchLimits: fetchLimits(50_000) })
    expect((await fetch(kafkajs, small))[0]?.undecodable?.reason).toContain('5000 bytes')
    expect((await fetch(kafkajs, large))[0]?.undecodable).toBeUndefined()
    expect((await fetch(kafkajs, small))[0]?.undecodable?.reason).toContain('5000 bytes')
  })

  test('a client that is not ours keeps the decoder of kafkajs', async () => {
    const kafkajs = amendedKafkajs()
    const fetching = fetch(kafkajs, kafkajs.createForeignClient())
    await expect(fetching).rejects.toThrow('ZSTD compression not implemented')
  })

  test('an error code in the response is thrown as by kafkajs', async () => {
    const kafkajs = amendedKafkajs()
    const outOfRange = Buffer.from(RESPONSE)
    outOfRange.writeInt16BE(1, PARTITION_ERROR)
    const fetching = fetch(kafkajs, kafkajs.createClient(), { bytes: outOfRange })
    await expect(fetching).rejects.toMatchObject({ name: 'KafkaJSOffsetOutOfRange', partition: 3 })
  })

  test('a broker from before Kafka 0.11 is refused', async () => {
    const kafkajs = amendedKafkajs()
    const fetching = fetch(kafkajs, kafkajs.createClient(), { fetchVersion: 3 })
    await expect(fetching).rejects.toMatchObject({
      name: 'KafkaJSServerDoesNotSupportApiKey',
      message: 'The broker is older than Kafka 0.11, which is not supported: upgrade it',
    })
  })
})

interface Broker {
  lookupRequest: unknown
  fetch(options: object): Promise<{
    readonly responses: readonly {
      readonly partitions: readonly { readonly messages: readonly FetchedRecord[] }[]
    }[]
  }>
}

interface Protocol {
  readonly response: {
    decode(bytes: Buffer): Promise<object>
    parse(decoded: object): Promise<object>
  }
}

/** Fetches from a broker of that client, which is connected to nothing, and answers with `bytes`. */
async function fetch(
  { part }: ReturnType<typeof amendedKafkajs>,
  client: Kafka,
  { bytes = RESPONSE, fetchVersion = 11 } = {},
): Promise<readonly FetchedRecord[]> {
  const BrokerOf = part<new (options: object) => Broker>('broker')
  const { lookup } = part<{ lookup(versions: object): unknown }>('protocol/requests')
  // what a connection of kafkajs does with a response
  const send = async ({ response }: Protocol) => response.parse(await response.decode(bytes))
  const broker = new BrokerOf({ connectionPool: { send }, logger: client.logger() })
  broker.lookupRequest = lookup({ 1: { minVersion: 0, maxVersion: fetchVersion } })
  const topics = [{ topic: 't', partitions: [{ partition: 3, fetchOffset: '5', maxBytes: 1 }] }]
  const { responses } = await broker.fetch({ topics })
  return responses[0]?.partitions[0]?.messages ?? []
}
