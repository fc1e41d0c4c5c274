/** Makes fetch responses in which one batch, or the whole response, is mutated. */

import type { Chance } from '../setup/chance.ts'
import { CODECS } from '../setup/kafka/codecs.ts'
import { batchBytes, fetchResponse, type WireRecord } from '../setup/kafka/wire-bytes.ts'
import { VALUES } from './corpus.ts'
import { mutateBytes } from './mutations.ts'

export interface MutatedFetch {
  /** What was mutated: the records before compression, or after it, the header, or everything. */
  readonly what: 'records' | 'compressed' | 'header' | 'response'
  readonly bytes: Buffer
  /** The intact batches before the mutated one. */
  readonly before: readonly Batch[]
  /** The mutated batch, before its mutation. */
  readonly mutated: Batch
}

/** The distance between the first offsets of two batches. */
export const STRIDE = 100n

export interface Batch {
  readonly firstOffset: bigint
  readonly records: readonly WireRecord[]
}

export function mutatedFetch(chance: Chance): MutatedFetch {
  const what = chance.pick(['records', 'compressed', 'header', 'response'] as const)
  const before = Array.from({ length: chance.below(3) }, (_, at) =>
    randomBatch(STRIDE * BigInt(at), chance),
  )
  const mutated = randomBatch(STRIDE * BigInt(before.length), chance)
  const after = chance.oneIn(2) ? [randomBatch(10n * STRIDE, chance)] : []
  const recordSet = Buffer.concat([
    ...before.map((batch) => bytesOf(batch, chance)),
    mutatedBytesOf(mutated, what, chance),
    ...after.map((batch) => bytesOf(batch, chance)),
  ])
  const whole = fetchResponse(recordSet)
  const bytes = what === 'response' ? mutateWire(whole, chance) : whole
  return { what, bytes, before, mutated }
}

function randomBatch(firstOffset: bigint, chance: Chance): Batch {
  const records = Array.from({ length: 1 + chance.below(12) }, (): WireRecord => {
    const names = ['', 'a', 'a', '__proto__', 'constructor'].slice(0, chance.below(6))
    return {
      key: chance.pick([null, Buffer.alloc(0), Buffer.from('account123')]),
      value: chance.oneIn(10) ? null : chance.pick(VALUES),
      timestampDelta: BigInt(chance.below(1000)),
      headers: names.map((name) => [name, chance.pick([null, Buffer.from('x')])] as const),
    }
  })
  return { firstOffset, records }
}

function bytesOf(batch: Batch, chance: Chance): Buffer {
  const { id, compress } = chance.pick(CODECS)
  return batchBytes({ ...batch, codec: id, compress })
}

function mutatedBytesOf(batch: Batch, what: MutatedFetch['what'], chance: Chance): Buffer {
  const { id, compress } = chance.pick(CODECS)
  switch (what) {
    case 'records': {
      const mutate = (plain: Buffer) => compress(mutateWire(plain, chance))
      return batchBytes({ ...batch, codec: id, compress: mutate })
    }
    case 'compressed': {
      const mutate = (plain: Buffer) => mutateWire(compress(plain), chance)
      return batchBytes({ ...batch, codec: id, compress: mutate })
    }
    case 'header':
      return withMutatedHeader(batchBytes({ ...batch, codec: id, compress }), chance)
    case 'response':
      return batchBytes({ ...batch, codec: id, compress })
    default:
      return what satisfies never
  }
}

/** Changes some bytes, among them lengths and counts to absurd values. */
function mutateWire(bytes: Buffer, chance: Chance): Buffer {
  let changed = bytes
  for (let rounds = 1 + chance.below(3); rounds > 0; rounds--) {
    changed = chance.oneIn(2)
      ? mutateBytes(changed, chance.pick(VALUES), chance)
      : overwrite(changed, chance.below(changed.length + 1), chance.pick(ABSURD))
  }
  return changed
}

/** The fields of a batch's header after its first offset: position and size in bytes. */
const FIELDS = [
  { name: 'length', at: 8, bytes: 4 },
  { name: 'leader epoch', at: 12, bytes: 4 },
  { name: 'magic', at: 16, bytes: 1 },
  { name: 'checksum', at: 17, bytes: 4 },
  { name: 'attributes', at: 21, bytes: 2 },
  { name: 'last offset', at: 23, bytes: 4 },
  { name: 'first timestamp', at: 27, bytes: 8 },
  { name: 'last timestamp', at: 35, bytes: 8 },
  { name: 'producer id', at: 43, bytes: 8 },
  { name: 'producer epoch', at: 51, bytes: 2 },
  { name: 'sequence', at: 53, bytes: 4 },
  { name: 'count', at: 57, bytes: 4 },
] as const

function withMutatedHeader(batch: Buffer, chance: Chance): Buffer {
  const { at, bytes } = chance.pick(FIELDS)
  return overwrite(batch, at, chance.pick(ABSURD).subarray(0, bytes))
}

function overwrite(bytes: Buffer, at: number, by: Buffer): Buffer {
  const changed = Buffer.from(bytes)
  by.copy(changed, at)
  return changed
}

/** Integers and varints: zero, tiny, huge, negative, at the limits of 32 and 64 bits. */
const ABSURD = [
  ...['0000000000000000', '0000000100000001', '00000030', '0100', '7fffffff', '7fffffffffffffff'],
  ...['80000000', '8000000000000000', 'ffffffffffffffff', 'fffffff4', 'ffffffc3', 'ffff0000'],
  ...['feffffff0f', 'ffffffff0f', 'ffffffffffffffffff01', '8080808080808080808080', '01', '03'],
].map((hex) => Buffer.from(hex, 'hex'))
