import type { Redis } from 'ioredis'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf, failureOf } from '../connection/error-translation.ts'
import { masterClients } from '../connection/masters.ts'

/**
 * Returns a text that changes when a master restarts or is replaced, as in a failover: then
 * acknowledged writes may be lost.
 *
 * @returns the run ids of the masters, without those whose INFO is forbidden
 * @throws Unavailable
 */
export async function readIdentity(connection: RedisConnection): Promise<string> {
  await connection.opened
  try {
    const ids = await Promise.all(masterClients(connection).map(runIdOf))
    return ids.sort().join(' ')
  } catch (error) {
    throw failureOf(error, connection.lastError)
  }
}

async function runIdOf(master: Redis): Promise<string> {
  try {
    const info = await master.info('server')
    return /^run_id:(\w+)/m.exec(info)?.[1] ?? ''
  } catch (error) {
    if (error instanceof Error && codeOf(error) === 'NOPERM') return ''
    throw error
  }
}
