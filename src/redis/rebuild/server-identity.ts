import type { Redis } from 'ioredis'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf, failureOf } from '../connection/failure.ts'
import { masterClients } from '../connection/masters.ts'

/**
 * Tells the servers from all others, and from themselves after a restart: where it is another
 * than before, acknowledged writes may be lost.
 *
 * @returns the run ids of the masters; of one that does not tell (INFO forbidden), nothing
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
