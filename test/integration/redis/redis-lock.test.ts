import { expect, test } from 'vitest'
import { acquireLock, LockLost, type RedisLock } from '../../../src/redis/rebuild/redis-lock.ts'
import { until } from '../../setup/waiting.ts'
import { held, onBothServers, termsOf } from './both-servers.ts'

onBothServers((own) => {
  test('one holds a lock, until it gives it back', async () => {
    const connection = own()
    const lock = await held(connection)
    expect(await acquireLock(connection, termsOf(connection))).toBeUndefined()
    lock.assertHeld()
    await lock.release()
    expect(() => lock.assertHeld()).toThrow(LockLost)
    await (await held(connection)).release()
  })

  test('a lock is renewed while its owner lives, and lost where another one took it', async () => {
    const connection = own()
    const lock = await held(connection, { ttlMs: 400 })
    const { key } = lock.terms
    const startedMs = performance.now()
    await until('it would be over twice', () => performance.now() - startedMs > 800)
    expect(await connection.client.exists(key)).toBe(1)
    lock.assertHeld()
    await connection.client.set(key, 'another one')
    await until('it is noticed', () => isLost(lock))
    await lock.release()
    expect(await connection.client.getdel(key)).toBe('another one')
  })
})

function isLost(lock: RedisLock): boolean {
  try {
    lock.assertHeld()
    return false
  } catch {
    return true
  }
}
