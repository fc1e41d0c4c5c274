/**
 * The names of all keys in Redis. The scripts add the same suffixes to the names given to them.
 *
 * An id stands in its key as it is, but for `{`, `}`, `%` and control characters: so all keys
 * of a group share the hash tag, hence the slot, whatever its id.
 */

/** What the names of keys begin with. */
export interface KeyPrefixes {
  readonly groupPrefix: string
  readonly userPrefix: string
}

/** `group:{ID}`: the hash of the group's traits, and what its other keys begin with. */
export function groupKey({ groupPrefix }: KeyPrefixes, groupId: string): string {
  return `${groupPrefix}{${encodeId(groupId)}}`
}

/** `user:{ID}`: what the keys of a user begin with; nothing stands at it itself. */
export function userKey({ userPrefix }: KeyPrefixes, userId: string): string {
  return `${userPrefix}{${encodeId(userId)}}`
}

/** What the keys of all users begin with, up to the id. */
export function userKeyStart({ userPrefix }: KeyPrefixes): string {
  return `${userPrefix}{`
}

/** Trait to clock: `group:{ID}:clock`. */
export const clockKey = (groupKey: string) => `${groupKey}:clock`

/** Users who are members: `group:{ID}:members`. */
export const membersKey = (groupKey: string) => `${groupKey}:members`

/** Users who left: `group:{ID}:left`. And `user:{ID}:left`: groups that the user left. */
export const leftKey = (groupOrUserKey: string) => `${groupOrUserKey}:left`

/** Groups of the user: `user:{ID}:groups`. */
export const groupsKey = (userKey: string) => `${userKey}:groups`

/**
 * Up to where the partitions of a topic are applied: `group-traits:applied:{TOPIC}:CONSUMERGROUP`.
 *
 * @param part 0, or on a Cluster the number that brings the key to the master it tells of
 */
export function checkpointKey(topic: string, consumerGroup: string, part: number): string {
  // no topic has a # in its name
  const tag = part === 0 ? topic : `${topic}#${part}`
  return `group-traits:applied:{${tag}}:${consumerGroup}`
}

/** While it stands, no checkpoint moves: `group-traits:paused:{TOPIC}:CONSUMERGROUP`. */
export function pauseKey(topic: string, consumerGroup: string): string {
  return `group-traits:paused:{${topic}}:${consumerGroup}`
}

/** The id as it stands in keys: UTF-8 bytes as `%XX` where they could not stand for themselves. */
export function encodeId(id: string): string {
  return SPECIAL.test(id) ? id.replace(EVERY_SPECIAL, encodeURIComponent) : id
}

/** The inverse of `encodeId`; `null` for a text that it never gives. */
export function decodeId(encoded: string): string | null {
  try {
    const id = decodeURIComponent(encoded)
    return encodeId(id) === encoded ? id : null
  } catch {
    return null // a `%` that does not begin the bytes of a character
  }
}

const SPECIAL = /[{}%\p{Cc}]/u
const EVERY_SPECIAL = new RegExp(SPECIAL, 'gu')
