/** The services of docker-compose.yml, built and started together. */
import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test, vi } from 'vitest'
import { SAMPLE_EVENT } from '../../src/domain/event/sample.ts'
import { findFreePorts } from '../../src/local/free-ports.ts'
import { docker } from './docker.ts'

let gateway = ''
const project = `group-traits-compose-test-${randomUUID().slice(0, 8)}`
const compose = (...args: string[]) => docker(['compose', '--project-name', project, ...args], env)
const env: Record<string, string> = {}

beforeAll(async () => {
  const [kafka, redis, http, gatewayPort] = await findFreePorts([0, 0, 0, 0])
  env.KAFKA_PORT = `${kafka}`
  env.REDIS_PORT = `${redis}`
  env.HTTP_PORT = `${http}`
  env.GATEWAY_PORT = `${gatewayPort}`
  gateway = `http://127.0.0.1:${gatewayPort}`
  try {
    await compose('up', '--detach', '--build', '--wait')
  } catch (error) {
    const logs = await compose('logs', '--tail', '30')
    await stop()
    throw new Error(`${(error as Error).message}\n${logs}`, { cause: error })
  }
  return stop
})

const stop = async () => {
  await compose('down', '--volumes', '--timeout', '5')
}

test('all services are healthy', async () => {
  const services = await compose('ps', '--format', '{{.Service}} {{.Health}}')
  expect(services.trim().split('\n').sort()).toEqual([
    'gateway healthy',
    'kafka healthy',
    'redis healthy',
    'worker healthy',
  ])
})

test('an event posted to the gateway becomes state in Redis', async () => {
  const answer = await fetch(`${gateway}/group`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(SAMPLE_EVENT),
  })
  expect(answer.status, await answer.text()).toBe(200)
  const state = ['exec', '-T', 'redis', 'redis-cli', 'hgetall', `group:{${SAMPLE_EVENT.group_id}}`]
  await vi.waitFor(
    async () => {
      const lines = (await compose(...state)).trim().split('\n')
      const pairs = lines.filter((_, index) => index % 2 === 0)
      const values = lines.filter((_, index) => index % 2 === 1)
      const traits = Object.fromEntries(pairs.map((name, index) => [name, values[index]]))
      expect(traits).toEqual(SAMPLE_EVENT.traits)
    },
    { timeout: 20_000, interval: 200 },
  )
})

test('the worker is ready', async () => {
  const answer = await fetch(`http://127.0.0.1:${env.HTTP_PORT}/readyz`)
  expect(answer.status, await answer.text()).toBe(200)
})
