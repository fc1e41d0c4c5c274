/** Reads memberships one by one: from the keys of groups, and from the user index. */
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf } from '../connection/error-translation.ts'
import { groupKey, groupsKey, type KeyPrefixes, leftKey, membersKey, userKey } from '../keys.ts'
import { parseMembership, type StoredMembership } from './layout.ts'

/** Two sorted sets of one slot, and the id whose scores in both are read. */
export interface MembershipQuery {
  readonly joined: string
  readonly left: string
  readonly id: string
}

/** Is read as the membership if one of the two keys belongs to another program. */
export const WRONG_TYPE = 'a key of the wrong type'

/** The membership as the group has it. */
export function inGroup(prefixes: KeyPrefixes, groupId: string, userId: string): MembershipQuery {
  const key = groupKey(prefixes, groupId)
  return { joined: membersKey(key), left: leftKey(key), id: userId }
}

/** The membership as the user index has it. */
export function inIndex(prefixes: KeyPrefixes, groupId: string, userId: string): MembershipQuery {
  const key = userKey(prefixes, userId)
  return { joined: groupsKey(key), left: leftKey(key), id: groupId }
}

/** Answers in the order of the queries. Rejects with errors of the client. */
export async function readMemberships(
  connection: RedisConnection,
  queries: readonly MembershipQuery[],
): Promise<StoredMembership[]> {
  // on a Cluster each query may be in another slot, and a pipeline must stay within one
  const perCall = connection.address.mode === 'cluster' ? 1 : MAX_IN_FLIGHT
  const memberships: StoredMembership[] = []
  for (let from = 0; from < queries.length; from += MAX_IN_FLIGHT) {
    const calls: Promise<StoredMembership[]>[] = []
    for (let at = from; at < Math.min(from + MAX_IN_FLIGHT, queries.length); at += perCall) {
      calls.push(sendQueries(connection, queries.slice(at, at + perCall)))
    }
    for (const answers of await Promise.all(calls)) memberships.push(...answers)
  }
  return memberships
}

/** How many queries are sent before the first of them is answered. */
const MAX_IN_FLIGHT = 200

async function sendQueries(
  { client }: RedisConnection,
  queries: readonly MembershipQuery[],
): Promise<StoredMembership[]> {
  const pipeline = client.pipeline()
  for (const { joined, left, id } of queries) pipeline.zscore(joined, id).zscore(left, id)
  const replies = (await pipeline.exec()) ?? []
  return queries.map((_, i) => parseReplies(replies.slice(2 * i, 2 * i + 2)))
}

function parseReplies(replies: readonly [error: Error | null, score: unknown][]): StoredMembership {
  const scores = replies.map(([error, score]) => {
    if (error === null) return score as string | null
    if (codeOf(error) === 'WRONGTYPE') return WRONG_TYPE
    throw error
  })
  if (scores.includes(WRONG_TYPE)) return WRONG_TYPE
  const [joined = null, left = null] = scores
  return parseMembership(joined, left)
}
