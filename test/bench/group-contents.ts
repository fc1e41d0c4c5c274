import { createDecoder } from '../../src/domain/event/decode.ts'
import { fold, type GroupState } from '../../src/domain/merge/merge.ts'
import { DEFAULT_RULES } from '../setup/domain/decode-rules.ts'
import { randomFrom } from '../setup/random.ts'
import { USUAL } from './workloads.ts'

/** A group with the usual traits and one member, who is in no other group. */
export interface GroupContent {
  /** For the worker's group store. */
  readonly patch: GroupState
  readonly groupId: string
  /** For a plain HSET: name, value, name, value, … */
  readonly fields: readonly string[]
}

/** Generates one event for each group, all with this timestamp. */
export function generateContents(groups: number, timestampMs: number): GroupContent[] {
  const random = randomFrom(groups)
  const { decodeValue } = createDecoder(DEFAULT_RULES)
  return Array.from({ length: groups }, (_, group) => {
    const groupId = groupIdOf(group)
    const traits = USUAL.traitsOf(group, random)
    const event = {
      group_id: groupId,
      user_id: userIdOf(group),
      traits,
      timestamp: new Date(timestampMs).toISOString(),
    }
    const decoded = decodeValue(Buffer.from(JSON.stringify(event)), timestampMs)
    const patch = decoded.kind === 'group' ? fold([decoded]).get(groupId) : undefined
    if (patch === undefined) throw new Error(`The event of ${groupId} should be valid`)
    return { groupId, patch, fields: Object.entries(traits).flatMap(asField) }
  })
}

export const groupIdOf = (group: number) => `group-${group}`
export const userIdOf = (group: number) => `user-${group}`

function asField([name, value]: readonly [string, unknown]): [string, string] {
  return [name, typeof value === 'string' ? value : JSON.stringify(value)]
}
