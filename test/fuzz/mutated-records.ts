import { ERASE_HEADER } from '../../src/domain/event/erasure.ts'
import type { KafkaRecord, RecordHeaders } from '../../src/domain/record.ts'
import type { Chance } from '../setup/chance.ts'
import { NOW_MS, RECORDS, VALUES } from './corpus.ts'
import { mutate, mutateBytes } from './mutations.ts'

/** Returns a record of the corpus: mostly its value is mutated, sometimes also key, headers and time. */
export function mutatedRecord(chance: Chance): KafkaRecord {
  const record = chance.pick(RECORDS)
  const { key, headers, timestamp } = record
  const value = mutatedValue(record.value, chance)
  if (value !== null && chance.below(4) > 0) return { ...record, value }
  return {
    ...record,
    value,
    key: chance.oneIn(3) ? mutatedKey(key, chance) : key,
    headers: chance.oneIn(3) ? mutatedHeaders(headers, chance) : headers,
    timestamp: chance.oneIn(3) ? chance.pick(TIMESTAMPS) : timestamp,
  }
}

/** Returns a mutated value; once in ten times the value unchanged. */
export function mutatedValue(value: Buffer | null, chance: Chance): Buffer | null {
  if (chance.oneIn(10)) return value
  if (value === null) return chance.oneIn(20) ? Buffer.alloc(chance.below(2)) : null
  return mutate(value, chance.pick(VALUES), chance)
}

const TIMESTAMPS = [
  ...['-1', '0', '', 'x', '1', '978307199999', '978307200000', '9'.repeat(19), '-9'.repeat(9)],
  ...[-86_400_000, 86_400_000, 86_400_001, 1].map((distance) => String(NOW_MS + distance)),
]

function mutatedKey(key: Buffer | null, chance: Chance): Buffer | null {
  if (chance.oneIn(4)) return null
  if (chance.oneIn(10)) return Buffer.alloc(chance.pick([0, 1, 511, 512, 513, 100_000]), 'é')
  return mutateBytes(key ?? Buffer.alloc(0), chance.pick(VALUES), chance)
}

function mutatedHeaders(headers: RecordHeaders | undefined, chance: Chance): RecordHeaders {
  const time = headers?.[ERASE_HEADER]
  const bytes = Buffer.isBuffer(time) ? time : Buffer.from('2024-02-01')
  const changed = chance.oneIn(3)
    ? Buffer.from(chance.pick(TIMES))
    : mutateBytes(bytes, chance.pick(VALUES), chance)
  const name = chance.pick([ERASE_HEADER, ERASE_HEADER, '__proto__', 'constructor', ''])
  return { ...headers, [name]: chance.oneIn(4) ? [bytes, changed] : changed }
}

const TIMES = [
  '-1',
  '1e15',
  '9'.repeat(400),
  `0.${'0'.repeat(5000)}1`,
  '2024-13-01',
  '253402300799',
]
