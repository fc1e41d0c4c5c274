/** Checks, before a rebuild begins, that the Redis user has the rights to replace groups. */
import { NotRetriable } from '../../pipeline/errors.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf, failureOf } from '../connection/error-translation.ts'
import { clockKey, pauseKey } from '../keys.ts'
import { secondPrefix } from './replacement.ts'

/** @throws NotRetriable with the command that grants the missing rights; Unavailable */
export async function checkReplacementRights(connection: RedisConnection): Promise<void> {
  const { client, settings } = connection
  // no id is encoded to a lone %, so these keys never exist
  const second = `${secondPrefix(connection).settings.groupPrefix}{%}`
  const pause = pauseKey('%', '')
  const probes: Record<string, () => Promise<unknown>> = {
    // XX: set only a key that exists
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
    `a rebuild needs rights that the Redis user lacks: ${missing.join(', ')}. ` +
      `Run in Redis: ACL SETUSER <user> ~${settings.groupPrefix}* ~group-traits:* ${rights}`,
  )
}
