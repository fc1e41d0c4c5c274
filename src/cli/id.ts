import { idSchema } from '../domain/event/event.ts'
import { CommandFailed, WRONG_USAGE } from './cli.ts'

/**
 * Nothing is known under what is no id.
 *
 * @param what "the id of a group"
 * @throws CommandFailed that says how ids are
 */
export function assertId(id: string, what: string): void {
  const [issue] = idSchema.safeParse(id).error?.issues ?? []
  if (issue !== undefined) throw new CommandFailed(`${what} ${issue.message}`, WRONG_USAGE)
}
