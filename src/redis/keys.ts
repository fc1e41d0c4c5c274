/**
 * The names of all keys in Redis. The scripts add the same suffixes to the names that they are given.
 *
 * A key holds an id unchanged, except that `{`, `}`, `%` and control characters are encoded. So all
 * keys of a group have the same hash tag, and with it the same slot of a Cluster, whatever its id.
 */

/** How the names of keys begin. */
export interface KeyPrefixes {
  readonly groupPrefix: string
  readonly userPrefix: string
}

/** `group:{ID}`: the hash of the group's traits; its other keys begin with the same text. */
export function groupKey({ groupPrefix }: KeyPrefixes, groupId: string): string {
  return `${groupPrefix}{${encodeId(groupId)}}`
}

/** `user:{ID}`: how the keys of a user begin; no key has this name itself. */
export function userKey({ userPrefix }: KeyPrefixes, userId: string): string {
  return `${userPrefix}{${encodeId(userId)}}`
}

/** How the keys of all users begin, up to the id: `user:{`. */
export function userKeyStart({ userPrefix }: KeyPrefixes): string {
  return `${userPrefix}{`
}

/** `group:{ID}:clock`: trait → clock field. */
export const clockKey = (groupKey: string) => `${groupKey}:clock`

/** `group:{ID}:members`: the users who are members. */
export const membersKey = (groupKey: string) => `${groupKey}:members`

/** `group:{ID}:left`: the users who left. And `user:{ID}:left`: the groups that the user left. */
export const leftKey = (groupOrUserKey: string) => `${groupOrUserKey}:left`

/** `user:{ID}:groups`: the groups of the user. */
export const groupsKey = (userKey: string) => `${userKey}:groups`

/**
 * `group-traits:applied:{TOPIC}:CONSUMERGROUP`: the checkpoints, up to which offset Redis holds each
 * partition.
 *
 * @param shard 0; on a Cluster the number that puts the key in a slot of that shard's master
 */
export function checkpointKey(topic: string, consumerGroup: string, shard: number): string {
  // no topic has a # in its name
  const tag = shard === 0 ? topic : `${topic}#${shard}`
  return `group-traits:applied:{${tag}}:${consumerGroup}`
}

/** `group-traits:paused:{TOPIC}:CONSUMERGROUP`: while this key exists, no checkpoint is set. */
export function pauseKey(topic: string, consumerGroup: string): string {
  return `group-traits:paused:{${topic}}:${consumerGroup}`
}

/** Returns the id as keys hold it: special characters as `%XX`, for each of their UTF-8 bytes. */
export function encodeId(id: string): string {
  return SPECIAL.test(id) ? id.replace(EVERY_SPECIAL, encodeURIComponent) : id
}

/** The inverse of `encodeId`; `null` for a text that it never returns. */
export function decodeId(encoded: string): string | null {
  try {
    const id = decodeURIComponent(encoded)
    return encodeId(id) === encoded ? id : null
  } catch {
    return null // a `%` that does not begin an encoded character
  }
}

const SPECIAL = /[{}%\p{Cc}]/u
const EVERY_SPECIAL = new RegExp(SPECIAL, 'gu')
