import { decodeFetchResponse, fetchLimits } from '../../src/kafka/wire/fetch-response.ts'
import { type FetchedRecord, fetchedRecords } from '../../src/kafka/wire/record-batch.ts'

/** Decodes fetch responses (version 11) as the worker does. */
export function decodeFetch(maxBatchBytes: number): (bytes: Buffer) => Promise<FetchedRecord[]> {
  const limits = fetchLimits(maxBatchBytes)
  return async (bytes) => {
    const { responses } = await decodeFetchResponse(bytes, 11, limits)
    const partitions = responses.flatMap(({ partitions }) => partitions)
    return partitions.flatMap(({ messages }) => fetchedRecords(messages))
  }
}
