import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { openRedis, type RedisState } from '../../../../src/redis/connection/connection.ts'
import { silentLog } from '../../../setup/logs.ts'
import { redisSettings } from '../../../setup/redis/connection.ts'

test.each([
  ['redis', 'that port may want TLS'],
  ['rediss', 'does that port speak TLS?'],
])(
  'with %s://, a port that closes the connection at the first bytes is reported with a hint: %s',
  async (scheme, hint) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.destroy())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { promise, resolve } = Promise.withResolvers<RedisState>()
    const redis = openRedis(redisSettings(`${scheme}://127.0.0.1:${port}`), silentLog, resolve)
    onTestFinished(() => {
      redis.close()
      server.close()
    })
    expect(await promise).toMatchObject({ ready: false, detail: expect.stringContaining(hint) })
  },
)

test('a port that never answers is reported with the same hint', async () => {
  const server = createServer((socket) => socket.on('error', () => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { promise, resolve } = Promise.withResolvers<RedisState>()
  const settings = redisSettings(`rediss://127.0.0.1:${port}`, { connectTimeoutMs: 300 })
  const redis = openRedis(settings, silentLog, resolve)
  onTestFinished(() => {
    redis.close()
    server.close()
  })
  expect(await promise).toMatchObject({
    ready: false,
    detail: expect.stringMatching(/TLS/),
  })
})
