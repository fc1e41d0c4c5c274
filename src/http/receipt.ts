import type { GroupEvent } from '../domain/event/event.ts'
import type { Problem } from '../domain/problem.ts'
import { formatClock } from '../domain/time/timestamp.ts'
import type { Answer } from './endpoint.ts'

/** What was taken of an event, as it was understood. */
export function accepted({ groupId, userId, assigned, clock, traits }: GroupEvent): Answer {
  const { names } = traits
  return {
    status: 200,
    body: {
      status: 'accepted',
      group_id: groupId,
      user_id: userId,
      assigned,
      timestamp: formatClock(clock),
      traits: names.filter((name) => traits.get(name) !== null),
      removed_traits: names.filter((name) => traits.get(name) === null),
    },
  }
}

/** What is wrong with an event: all of it. */
export function invalid(status: 400 | 413, problems: readonly Problem[]): Answer {
  return {
    status,
    body: {
      error: 'invalid_event',
      problems: problems.map(({ reason, path, message }) => ({ reason, path, message })),
    },
  }
}
