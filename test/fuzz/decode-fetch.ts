import { createRequire } from 'node:module'
import { amendKafkajs } from '../../src/kafka/client/kafkajs.ts'
import { type FetchedRecord, fetchedRecords } from '../../src/kafka/wire/record-batch.ts'

interface FetchResponse {
  readonly responses: readonly { readonly partitions: readonly { messages: unknown[] }[] }[]
}

/** Returns the decoder of fetch responses (version 11) that kafkajs uses in the worker. */
export function decodeFetch(maxBatchBytes: number): (bytes: Buffer) => Promise<FetchedRecord[]> {
  amendKafkajs(maxBatchBytes)
  const require = createRequire(import.meta.url)
  const response: {
    decode(bytes: Buffer): Promise<FetchResponse>
  } = require('kafkajs/src/protocol/requests/fetch/v11/response')
  return async (bytes) => {
    const { responses } = await response.decode(bytes)
    const partitions = responses.flatMap(({ partitions }) => partitions)
    return partitions.flatMap(({ messages }) => fetchedRecords(messages))
  }
}
