import { idSchema } from '../domain/event/event.ts'
import { CommandFailed, WRONG_USAGE } from './cli.ts'

/**
 * Checks that the text is a valid id.
 *
 * @param what for the message: "the id of a group"
 * @throws CommandFailed if it is not; the message says what a valid id is
 */
export function assertId(id: string, what: string): void {
  const [issue] = idSchema.safeParse(id).error?.issues ?? []
  if (issue !== undefined) throw new CommandFailed(`${what} ${issue.message}`, WRONG_USAGE)
}
