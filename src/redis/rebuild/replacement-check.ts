/** Whether the rights of the user are enough to put groups in place: asked before the work. */
import { NotRetriable } from '../../pipeline/errors.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf, failureOf } from '../connection/failure.ts'
import { clockKey, pauseKey } from '../keys.ts'
import { secondPrefix } from './replacement.ts'

/** @throws NotRetriable with the command that grants what is missing; Unavailable */
export async function checkReplacing(connection: RedisConnection): Promise<void> {
  const { client, settings } = connection
  // an id is never encoded to a lone %, so nothing ever stands at these keys
  const second = `${secondPrefix(connection).settings.groupPrefix}{%}`
  const pause = pauseKey('%', '')
  const probes: Record<string, () => Promise<unknown>> = {
    // written only over what is there
    set: () => client.set(pause, '', 'XX'),
    scan: () => client.scan('0', 'COUNT', 1),
    rename: () => client.rename(second, clockKey(second)),
    unlink: () => client.unlink(second),
    get: () => client.get(pause),
    pexpire: () => client.pexpire(pause, 1),
    del: () => client.del(pause),
  }
  const missing: string[] = []
  for (const [name, probe] of Object.entries(probes)) {
    try {
      await probe()
    } catch (error) {
      const code = error instanceof Error ? codeOf(error) : null
      if (code === 'NOPERM') missing.push(name)
      else if (!(error instanceof Error && /no such key/.test(error.message))) {
        throw failureOf(error, connection.lastError)
      }
    }
  }
  if (missing.length === 0) return
  const rights = missing.map((name) => `+${name}`).join(' ')
  throw new NotRetriable(
    'redis',
    `the user has not all rights at Redis that a rebuild needs: it lacks ${missing.join(', ')}. ` +
      `Run there: ACL SETUSER <user> ~${settings.groupPrefix}* ~group-traits:* ${rights}`,
  )
}
