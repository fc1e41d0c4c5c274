import { expect, test } from 'vitest'
import { findFreePorts } from '../../src/local/free-ports.ts'
import { BenchError } from './bench-error.ts'
import { checkRedis } from './reachability.ts'
import { openServers } from './servers.ts'

test('a given Kafka that does not answer is named in one line', async () => {
  const [port] = await findFreePorts([0])
  const env = { KAFKA_BROKERS: `127.0.0.1:${port}`, REDIS_URL: 'redis://:secret@127.0.0.1:1' }
  const error = await openServers(env, () => {}, AbortSignal.timeout(60_000)).catch((e) => e)
  expect(error).toBeInstanceOf(BenchError)
  expect(error.exitCode).toBe(1)
  expect(error.message).toMatch(
    new RegExp(`^Kafka at 127.0.0.1:${port} does not answer \\(.+\\): check KAFKA_BROKERS$`),
  )
})

test('a given Redis that does not answer is named in one line, without its password', async () => {
  const [port] = await findFreePorts([0])
  await expect(checkRedis(`redis://:secret@127.0.0.1:${port}`)).rejects.toMatchObject({
    exitCode: 1,
    message: `Redis at 127.0.0.1:${port} does not answer (connect ECONNREFUSED 127.0.0.1:${port}): check REDIS_URL`,
  })
})
