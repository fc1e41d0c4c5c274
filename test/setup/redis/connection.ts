import {
  openRedis,
  type RedisConnection,
  type RedisSettings,
} from '../../../src/redis/connection/connection.ts'
import { silentLog } from '../logs.ts'

/** The default settings, with changes. */
export function redisSettings(url: string, changes: Partial<RedisSettings> = {}): RedisSettings {
  return {
    url,
    groupPrefix: 'group:',
    userPrefix: 'user:',
    userIndex: true,
    connectTimeoutMs: 5000,
    commandTimeoutMs: 5000,
    ...changes,
  }
}

export function openTestRedis(url: string, changes: Partial<RedisSettings> = {}): RedisConnection {
  return openRedis(redisSettings(url, changes), silentLog)
}
