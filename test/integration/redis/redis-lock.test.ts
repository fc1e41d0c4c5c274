import { expect, test } from 'vitest'
import { acquireLock, LockLost, type RedisLock } from '../../../src/redis/rebuild/redis-lock.ts'
import { until } from '../../setup/waiting.ts'
import { held, lockOptions, onBothServers } from './both-servers.ts'

onBothServers((ownConnection) => {
  test('a lock has one owner, until it is released', async () => {
    const connection = ownConnection()
    const lock = await held(connection)
    expect(await acquireLock(connection, lockOptions(connection))).toBeUndefined()
    lock.assertHeld()
    await lock.release()
    expect(() => lock.assertHeld()).toThrow(LockLost)
    await (await held(connection)).release()
  })

  test('a lock is renewed while its owner lives, and is lost if another owner takes the key', async () => {
    const connection = ownConnection()
    const lock = await held(connection, { ttlMs: 400 })
    const { key } = lock.options
    const startedMs = performance.now()
    await until('it would have expired twice', () => performance.now() - startedMs > 800)
    expect(await connection.client.exists(key)).toBe(1)
    lock.assertHeld()
    await connection.client.set(key, 'another owner')
    await until('it is noticed', () => isLost(lock))
    await lock.release()
    expect(await connection.client.getdel(key)).toBe('another owner')
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
