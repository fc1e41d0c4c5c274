import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { expect, inject, test, vi } from 'vitest'

const main = join(resolve(import.meta.dirname, '../../..'), 'src/main.ts')

test('if Kafka and Redis are configured, npm start uses them and starts no servers', async () => {
  const prefix = `given-${randomUUID()}`
  const local = start({
    KAFKA_BROKERS: inject('kafkaBrokers').join(','),
    REDIS_URL: inject('redisUrl'),
    KAFKA_TOPIC: prefix,
    KAFKA_GROUP_ID: prefix,
    REDIS_GROUP_PREFIX: `${prefix}:group:`,
    REDIS_USER_PREFIX: `${prefix}:user:`,
    HTTP_PORT: '0',
    GATEWAY_PORT: '0',
  })
  await vi.waitFor(() => expect(local.said()).toContain('Ctrl-C stops everything.'), 30_000)
  expect(local.said()).toContain(`Using Kafka at ${inject('kafkaBrokers').join(', ')}`)
  expect(local.said()).toContain(`Created topic ${prefix}`)
  expect(local.said()).not.toContain('Starting Kafka and Redis')
  local.child.kill('SIGTERM')
  expect(await local.exitCode).toBe(0)
}, 60_000)

test('if only one of the two is configured, the error names the missing variable', async () => {
  const local = start({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') })
  expect(await local.exitCode).toBe(2)
  expect(local.said()).toContain('only Kafka is configured: set REDIS_URL, too')
})

function start(settings: Readonly<Record<string, string>>) {
  const { KAFKA_BROKERS: _brokers, REDIS_URL: _redis, ...rest } = process.env
  const child = spawn(process.execPath, [main, 'local'], { env: { ...rest, ...settings } })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text
    })
  }
  const exitCode = once(child, 'close').then(([code]) => code as number)
  return { child, said: () => said, exitCode }
}
