import type { GroupEvent } from '../domain/event/event.ts'
import type { Problem } from '../domain/problem.ts'
import { formatClock } from '../domain/time/timestamp.ts'
import type { Answer } from './endpoint.ts'

/** Answers an accepted event with its fields as parsed. */
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

/** Answers an invalid event with all its problems. */
export function invalid(status: 400 | 413, problems: readonly Problem[]): Answer {
  return {
    status,
    body: {
      error: 'invalid_event',
      problems: problems.map(({ reason, path, message }) => ({ reason, path, message })),
    },
  }
}
