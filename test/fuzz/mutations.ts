/** Mutations of bytes, from a flipped bit to absurd sizes. */
import type { Chance } from '../setup/chance.ts'
import { mutateJson } from './json-mutations.ts'

/** Returns the bytes with one to four mutations; `other` is what they may be spliced with. */
export function mutate(bytes: Buffer, other: Buffer, chance: Chance): Buffer {
  const change = chance.oneIn(3) ? mutateBytes : mutateJson
  let changed = bytes
  for (let rounds = 1 + chance.below(4); rounds > 0; rounds--) {
    changed = change(changed, other, chance)
  }
  return changed
}

/** Returns the bytes with one mutation that ignores their meaning. */
export function mutateBytes(bytes: Buffer, other: Buffer, chance: Chance): Buffer {
  if (chance.oneIn(3000)) return enlarge(bytes, chance)
  return chance.pick(CHANGES)(bytes, other, chance)
}

type Change = (bytes: Buffer, other: Buffer, chance: Chance) => Buffer

const flipBit: Change = (bytes, _, chance) => {
  const changed = Buffer.from(bytes)
  if (bytes.length === 0) return changed
  const at = chance.below(bytes.length)
  changed[at] = (changed[at] ?? 0) ^ (1 << chance.below(8))
  return changed
}

const overwrite: Change = (bytes, _, chance) => {
  const changed = Buffer.from(bytes)
  const from = chance.below(bytes.length + 1)
  changed.subarray(from, from + 1 + chance.below(8)).fill(chance.pick(BYTES))
  return changed
}

const insert: Change = (bytes, _, chance) => {
  const count = 1 + chance.below(8)
  return insertAt(bytes, chance.below(bytes.length + 1), Buffer.alloc(count, chance.pick(BYTES)))
}

const insertInvalidUtf8: Change = (bytes, _, chance) =>
  insertAt(bytes, chance.below(bytes.length + 1), chance.pick(INVALID_UTF8))

const remove: Change = (bytes, _, chance) => {
  const from = chance.below(bytes.length + 1)
  const to = from + 1 + chance.below(chance.pick([1, 4, bytes.length + 1]))
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
}

const duplicate: Change = (bytes, _, chance) => {
  const from = chance.below(bytes.length + 1)
  const slice = bytes.subarray(from, from + 1 + chance.below(64))
  return insertAt(bytes, from, Buffer.concat(Array(1 + chance.below(4)).fill(slice)))
}

const splice: Change = (bytes, other, chance) =>
  Buffer.concat([
    bytes.subarray(0, chance.below(bytes.length + 1)),
    other.subarray(chance.below(other.length + 1)),
  ])

const truncate: Change = (bytes, _, chance) => bytes.subarray(0, chance.below(bytes.length + 1))

const CHANGES = [flipBit, overwrite, insert, insertInvalidUtf8, remove, duplicate, splice, truncate]

/** Inserts a slice, repeated up to some megabytes. */
function enlarge(bytes: Buffer, chance: Chance): Buffer {
  const from = chance.below(bytes.length + 1)
  const slice = Buffer.concat([bytes.subarray(from, from + chance.below(32)), Buffer.of(0x20)])
  return insertAt(bytes, from, Buffer.alloc(chance.below(3_000_000), slice))
}

function insertAt(bytes: Buffer, at: number, inserted: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)])
}

const BYTES = [0, 1, 0x20, 0x22, 0x2c, 0x30, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xc2, 0xff]

/** Invalid UTF-8: truncated, overlong, a surrogate, beyond Unicode. Also a byte order mark. */
const INVALID_UTF8 = ['e282', 'c0af', 'eda080', 'f4908080', '80', 'f8', 'efbbbf', 'edb080'].map(
  (hex) => Buffer.from(hex, 'hex'),
)
