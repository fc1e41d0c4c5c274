/** Looks for entries of the user index that no group explains. */

import { type IndexEntry, walkIndex } from '../../redis/reading/key-walk.ts'
import {
  inGroup,
  inIndex,
  readMemberships,
  type StoredMembership,
} from '../../redis/reading/memberships.ts'
import { asking } from '../../redis/reading/state-reader.ts'
import { endsOf } from '../topic-view.ts'
import type { Finding } from './judgement.ts'
import type { VerificationContext } from './verification.ts'

/**
 * An entry is explained by its group having the user at all: whether both agree was seen when
 * the group was compared.
 */
export async function compareIndex(context: VerificationContext): Promise<void> {
  const { redis, patience, signal, onStep } = context
  let suspects: IndexEntry[] = []
  let entries = 0
  for await (const some of walkIndex(redis, patience.redis)) {
    signal.throwIfAborted()
    entries += some.length
    onStep({ kind: 'index', entries })
    suspects.push(...(await unexplained(context, some)))
    if (suspects.length < MANY) continue
    await settle(context, suspects)
    suspects = []
  }
  await settle(context, suspects)
}

const MANY = 10_000

/**
 * What is unexplained still, once the workers have passed all there is by now. The index is
 * asked first: it follows the group.
 */
async function settle(
  context: VerificationContext,
  suspects: readonly IndexEntry[],
): Promise<void> {
  if (suspects.length === 0) return
  const { topic, tally } = context
  await context.untilPassed(endsOf(await topic.offsets()))
  const memberships = await membershipsOf(context, suspects, inIndex)
  const present = suspects.filter((_, i) => memberships[i] !== null)
  const lasting = await unexplained(context, present)
  for (const [groupId, entries] of Map.groupBy(lasting, (entry) => entry.groupId)) {
    const userIds = new Set(entries.map(({ userId }) => userId))
    tally.hasStrayEntries(groupId, Array.from(userIds, unexplainedEntry))
  }
}

function unexplainedEntry(userId: string): Finding {
  const found = 'an entry, but the group has no such user'
  return { kind: 'index', name: userId, expected: null, found, isBeyond: false }
}

/** The entries whose group has no such user. */
async function unexplained(
  context: VerificationContext,
  entries: readonly IndexEntry[],
): Promise<IndexEntry[]> {
  const memberships = await membershipsOf(context, entries, inGroup)
  return entries.filter((_, i) => memberships[i] === null)
}

async function membershipsOf(
  { redis, patience }: VerificationContext,
  entries: readonly IndexEntry[],
  where: typeof inGroup,
): Promise<StoredMembership[]> {
  const questions = entries.map(({ groupId, userId }) => where(redis.settings, groupId, userId))
  return await patience.redis(() => asking(redis, () => readMemberships(redis, questions)))
}
