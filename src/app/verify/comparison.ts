/** Compares the groups of one pass with Redis. */
import { emptyState, type GroupState } from '../../domain/merge/merge.ts'
import { clockKey } from '../../redis/keys.ts'
import { walkGroups } from '../../redis/reading/key-walk.ts'
import type { VerificationContext } from './context.ts'
import { judge, UNKNOWN_GROUP } from './judgement.ts'
import { type FoldedRange, isWithin } from './passes.ts'
import { readGroups, recheck, recheckIfMany, type Suspects } from './suspects.ts'

/** Compares the folded groups, then the groups in Redis that the fold does not have. */
export async function compareRange(
  context: VerificationContext,
  folded: FoldedRange,
  pass: number,
): Promise<void> {
  const { tally, onStep } = context
  const { states } = folded
  const suspects: Suspects = new Map()
  let done = 0
  for (const chunk of inChunks(states.values())) {
    onStep({ kind: 'comparing', pass, groups: done, total: states.size })
    await compareGroups(context, chunk, suspects)
    done += chunk.length
    await recheckIfMany(context, folded, suspects)
  }
  tally.compared(done)
  onStep({ kind: 'comparing', pass, groups: done, total: states.size })
  if (context.topic.isIncomplete()) {
    await countUnknownGroups(context, folded)
  } else {
    for await (const ids of unknownGroups(context, folded)) {
      await compareGroups(context, ids.map(emptyState), suspects)
      await recheckIfMany(context, folded, suspects)
    }
  }
  await recheck(context, folded, suspects)
}

const CHUNK = 500

/** Adds the groups that differ from the fold to the suspects. */
async function compareGroups(
  context: VerificationContext,
  states: readonly GroupState[],
  suspects: Suspects,
): Promise<void> {
  await readGroups(context, states, (state, live) => {
    const findings = judge(state, live, state)
    if (findings.length === 0) return
    suspects.set(state.groupId, { low: state, high: state, live, findings })
  })
}

/** Walks through the groups in Redis that the fold does not have; returns each id once. */
async function* unknownGroups(
  { redis, retry, signal }: VerificationContext,
  { range, states }: FoldedRange,
): AsyncGenerator<string[]> {
  const seen = new Set<string>()
  for await (const ids of walkGroups(redis, retry.redis)) {
    signal.throwIfAborted()
    const unknown = new Set(ids).difference(seen)
    for (const id of unknown) if (states.has(id) || !isWithin(range, id)) unknown.delete(id)
    for (const id of unknown) seen.add(id)
    if (unknown.size > 0) yield [...unknown]
  }
}

/**
 * Counts the groups in Redis that the fold does not have. If the topic lacks records there may be
 * very many of them, and none can be verified. So none is read and no id is kept; each is counted
 * once by the one key that every group has.
 */
async function countUnknownGroups(
  { redis, retry, signal, tally }: VerificationContext,
  { range, states }: FoldedRange,
): Promise<void> {
  for await (const ids of walkGroups(redis, retry.redis, [clockKey('')])) {
    signal.throwIfAborted()
    for (const id of ids) {
      if (!states.has(id) && isWithin(range, id)) tally.cannotBeVerified(id, [UNKNOWN_GROUP])
    }
  }
}

function* inChunks<Item>(items: Iterable<Item>): Generator<Item[]> {
  let chunk: Item[] = []
  for (const item of items) {
    chunk.push(item)
    if (chunk.length < CHUNK) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}
