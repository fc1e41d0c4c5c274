/** A fuzzing program: decodes mutated records and checks the results. */
import { isDeepStrictEqual } from 'node:util'
import { createDecoder, type Decoded } from '../../src/domain/event/decode.ts'
import { foldInto, type GroupState } from '../../src/domain/merge/merge.ts'
import { STORE_LIMITS } from '../../src/redis/writing/group-store.ts'
import { packCalls } from '../../src/redis/writing/patch-packing.ts'
import { DEFAULT_RULES } from '../setup/domain/decode-rules.ts'
import { NOW_MS } from './corpus.ts'
import { rewrite, violationOf } from './decoded-invariants.ts'
import { fuzzLoop } from './fuzz-loop.ts'
import { mutatedRecord } from './mutated-records.ts'

const decoder = createDecoder(DEFAULT_RULES)
// the stored form of a number may be longer than its source
const rewriteDecoder = createDecoder({ ...DEFAULT_RULES, maxEventBytes: 256 * 1024 * 1024 })
const prefixes = { groupPrefix: 'group:', userPrefix: 'user:', userIndex: true }

await fuzzLoop((chance) => {
  const record = mutatedRecord(chance)
  const decoded = decoder.decodeRecord(record, NOW_MS)
  const violation = violationOf(decoded, DEFAULT_RULES, NOW_MS)
  if (violation !== undefined) throw new Error(violation)
  if (!isDeepStrictEqual(decoder.decodeRecord(record, NOW_MS), decoded)) {
    throw new Error('decoding it twice gives different results')
  }
  if (decoded.kind === 'group') {
    const nowMs = NOW_MS + DEFAULT_RULES.maxClockSkewMs
    const rewritten = rewriteDecoder.decodeValue(rewrite(decoded), nowMs)
    if (!isDeepStrictEqual(rewritten, decoded)) throw new Error('rewritten, it is another event')
  }
  if (decoded.kind === 'group' || decoded.kind === 'erasure') foldAndPack(decoded)
  return decoded.kind === 'rejected' ? decoded.problems[0].reason : decoded.kind
})

/** Folds the event and packs the patches for Redis, as the worker does. */
function foldAndPack(event: Extract<Decoded, { groupId: string }>): void {
  const states = new Map<string, GroupState>()
  foldInto(states, event)
  foldInto(states, event)
  for (const { packed, chunks } of packCalls(states.values(), prefixes, STORE_LIMITS)) {
    if (packed.length === 0 || chunks.length === 0) throw new Error('a call without patches')
  }
}
