/** Generates events, the same for the same seed. The workload (workloads.ts) describes them. */

import { randomFrom } from '../setup/random.ts'

export interface Workload {
  readonly name: string
  readonly groups: number
  /** The number of the group is `floor(groups * u ** skew)`, for u uniform in [0, 1). */
  readonly skew: number
  readonly invalidShare: number
  readonly firstEventMs: number
  readonly traitsOf: (group: number, random: () => number) => Readonly<Record<string, unknown>>
  /** The cost of one event, in usual events. The number of events is divided by it. */
  readonly weight: number
}

export interface GeneratedEvent {
  /** The number of the group, below the workload's `groups`. */
  readonly group: number
  /** The key of the record, and the group of the event if it is valid. */
  readonly groupId: string
  readonly value: string
  readonly valid: boolean
}

const USERS = 200_000
/** How far the timestamps of neighbouring events may be out of order. */
const DISORDER_MS = 5000

export function* generateEvents(
  count: number,
  seed: number,
  workload: Workload,
): Generator<GeneratedEvent> {
  const { groups, skew, invalidShare, firstEventMs } = workload
  const random = randomFrom(seed)
  for (let index = 0; index < count; index++) {
    const group = Math.floor(groups * random() ** skew)
    const timestampMs = firstEventMs + index + Math.floor(random() * DISORDER_MS)
    const event = eventOf(`group-${group}`, group, timestampMs, random, workload.traitsOf)
    const valid = random() >= invalidShare
    yield {
      group,
      groupId: `group-${group}`,
      value: valid ? event : invalidated(event, index),
      valid,
    }
  }
}

export function eventOf(
  groupId: string,
  group: number,
  timestampMs: number,
  random: () => number,
  traitsOf: Workload['traitsOf'],
): string {
  return JSON.stringify({
    user_id: `user-${Math.floor(random() * USERS)}`,
    group_id: groupId,
    traits: traitsOf(group, random),
    timestamp: new Date(timestampMs).toISOString(),
  })
}

/** Makes an event invalid: truncated, without a group, or with a wrong timestamp, in turn. */
function invalidated(event: string, index: number): string {
  switch (index % 3) {
    case 0:
      return event.slice(0, -20)
    case 1:
      return event.replace('"group_id"', '"group"')
    default:
      return event.replace(/"timestamp":"[^"]*"/, '"timestamp":"yesterday"')
  }
}
