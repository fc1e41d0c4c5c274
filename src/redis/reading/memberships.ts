/** How users stand to groups: as the groups have it, and as the user index has it. */
import type { Membership } from '../../domain/merge/memberships.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf } from '../connection/failure.ts'
import { groupKey, groupsKey, type KeyPrefixes, leftKey, membersKey, userKey } from '../keys.ts'
import { membershipOf } from './group-parsing.ts'

/** Two sorted sets of one slot, and who is looked up in both. */
export interface MembershipQuery {
  readonly joined: string
  readonly left: string
  readonly id: string
}

/** `null`: it stands in neither; a text: what is wrong with how it stands. */
export type StoredMembership = Membership | string | null

/** A key of another program stands at one of the two. */
export const FOREIGN = 'a key of a foreign type'

export function inGroup(prefixes: KeyPrefixes, groupId: string, userId: string): MembershipQuery {
  const key = groupKey(prefixes, groupId)
  return { joined: membersKey(key), left: leftKey(key), id: userId }
}

export function inIndex(prefixes: KeyPrefixes, groupId: string, userId: string): MembershipQuery {
  const key = userKey(prefixes, userId)
  return { joined: groupsKey(key), left: leftKey(key), id: groupId }
}

/** Answers in the order of the questions. Rejects with errors of the client. */
export async function readMemberships(
  connection: RedisConnection,
  questions: readonly MembershipQuery[],
): Promise<StoredMembership[]> {
  // on a Cluster each question is of a slot of its own
  const perCall = connection.address.mode === 'cluster' ? 1 : AT_ONCE
  const memberships: StoredMembership[] = []
  for (let from = 0; from < questions.length; from += AT_ONCE) {
    const calls: Promise<StoredMembership[]>[] = []
    for (let at = from; at < Math.min(from + AT_ONCE, questions.length); at += perCall) {
      calls.push(ask(connection, questions.slice(at, at + perCall)))
    }
    for (const answers of await Promise.all(calls)) memberships.push(...answers)
  }
  return memberships
}

const AT_ONCE = 200

async function ask(
  { client }: RedisConnection,
  questions: readonly MembershipQuery[],
): Promise<StoredMembership[]> {
  const pipeline = client.pipeline()
  for (const { joined, left, id } of questions) pipeline.zscore(joined, id).zscore(left, id)
  const replies = (await pipeline.exec()) ?? []
  return questions.map((_, i) => membershipIn(replies.slice(2 * i, 2 * i + 2)))
}

function membershipIn(replies: readonly [error: Error | null, score: unknown][]): StoredMembership {
  const scores = replies.map(([error, score]) => {
    if (error === null) return score as string | null
    if (codeOf(error) === 'WRONGTYPE') return FOREIGN
    throw error
  })
  if (scores.includes(FOREIGN)) return FOREIGN
  const [joined = null, left = null] = scores
  return membershipOf(joined, left)
}
