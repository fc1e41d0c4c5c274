/** A fuzzing program: decodes mutated fetch responses and checks the records. */
import type { FetchedRecord } from '../../src/kafka/wire/record-batch.ts'
import type { WireRecord } from '../setup/kafka/wire-bytes.ts'
import { decodeFetch } from './decode-fetch.ts'
import { fuzzLoop } from './fuzz-loop.ts'
import { type MutatedFetch, mutatedFetch, STRIDE } from './mutated-fetches.ts'

const decodeBytes = decodeFetch(4 * 1024 * 1024)

await fuzzLoop(async (chance) => {
  const fetch = mutatedFetch(chance)
  const messages = await decode(fetch)
  if (messages === undefined) return 'an unreadable response'
  for (const message of messages) check(message)
  if (fetch.what !== 'response') {
    checkBatchesBefore(fetch, messages)
    checkMutatedBatch(fetch, messages)
  }
  return messages.some(({ undecodable }) => undecodable !== undefined)
    ? `${fetch.what}: an undecodable batch`
    : `${fetch.what}: records`
})

/** Returns undefined if the response is unreadable: then kafkajs fetches again. */
async function decode({ what, bytes }: MutatedFetch): Promise<FetchedRecord[] | undefined> {
  try {
    return await decodeBytes(bytes)
  } catch (error) {
    if (what === 'response' && error instanceof RangeError) return undefined
    throw error
  }
}

function check({ offset, timestamp, key, value, headers, undecodable }: FetchedRecord): void {
  if (![offset, timestamp].every((digits) => /^-?\d+$/.test(digits))) {
    throw new Error(`offset ${offset}, timestamp ${timestamp}`)
  }
  for (const bytes of [key, value, ...Object.values(headers ?? {}).flat()]) {
    if (bytes !== null && !Buffer.isBuffer(bytes))
      throw new Error('a key, value or header that is not a buffer')
  }
  if (undecodable === undefined) return
  const { firstOffset, lastOffset, reason } = undecodable
  if (lastOffset < firstOffset || offset !== String(lastOffset))
    throw new Error('a wrong range of offsets')
  if (reason === '' || reason.length > 500)
    throw new Error(`a reason of ${reason.length} characters`)
}

/** The records of the batches before the mutated one are unchanged. */
function checkBatchesBefore({ before }: MutatedFetch, messages: readonly FetchedRecord[]): void {
  const expected = before.flatMap(({ firstOffset, records }) =>
    records.map((record, at) => ({ offset: firstOffset + BigInt(at), record })),
  )
  expected.forEach(({ offset, record }, at) => {
    const found = messages[at]
    if (found?.offset !== String(offset) || !isSame(found, record)) {
      throw new Error(`the record at offset ${offset} has changed`)
    }
  })
}

/** All records of the mutated batch are decoded, or none. */
function checkMutatedBatch(
  { mutated, what }: MutatedFetch,
  messages: readonly FetchedRecord[],
): void {
  const { firstOffset, records } = mutated
  const found = messages.filter(
    ({ offset, isControlRecord }) =>
      !isControlRecord && BigInt(offset) >= firstOffset && BigInt(offset) < firstOffset + STRIDE,
  )
  const isUnreadable = messages.some(({ undecodable }) => undecodable?.firstOffset === firstOffset)
  // a mutated header may claim a control batch, or an unknown format
  const isSkipped = what === 'header' && found.length === 0
  if (isUnreadable ? found.length <= 1 : found.length === records.length || isSkipped) return
  throw new Error(`${found.length} of ${records.length} records were decoded`)
}

function isSame(found: FetchedRecord, { key = null, value = null, headers = [] }: WireRecord) {
  const given = headers.map(([, bytes]) => String(bytes ?? ''))
  const values = Object.values(found.headers ?? {})
    .flat()
    .map(String)
  return (
    isSameBytes(found.key, key) &&
    isSameBytes(found.value, value) &&
    String(given) === String(values)
  )
}

function isSameBytes(a: Buffer | null, b: Buffer | null): boolean {
  return a === b || (a !== null && b !== null && a.equals(b))
}
