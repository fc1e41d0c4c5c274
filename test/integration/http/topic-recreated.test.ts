import { expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../../src/app/config/loader.ts'
import { serve } from '../../../src/app/gateway.ts'
import { makeTopic, settingsFor, withAdmin } from '../../setup/kafka/topics.ts'
import { recordLog } from '../../setup/logs.ts'
import { until } from '../../setup/waiting.ts'

const EVENT = '{"group_id":"acme","user_id":"ann","traits":{},"timestamp":"2024-01-01"}'

test('a gateway whose topic is deleted reports it at once, answers 503 soon, and is ready once the topic is recreated', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  const log = recordLog()
  const stopping = new AbortController()
  const { promise: started, resolve: onStarted } = Promise.withResolvers<string>()
  const served = serve(gatewayConfig(settings), log, stopping.signal, onStarted)
  onTestFinished(async () => {
    stopping.abort()
    await served
  })
  const url = await started
  const readiness = async () => (await fetch(`${url}/readyz`)).status
  expect(await readiness()).toBe(200)

  await withAdmin(settings, (admin) => admin.deleteTopics({ topics: [settings.topic] }))
  const post = () => fetch(`${url}/group`, { method: 'POST', body: EVENT })
  let isAnswered = false
  const first = post().finally(() => {
    isAnswered = true
  })
  await until('the gateway is not ready', async () => (await readiness()) === 503)
  expect(isAnswered).toBe(false)
  const startedAt = performance.now()
  expect((await post()).status).toBe(503)
  expect(performance.now() - startedAt).toBeLessThan(3000)
  expect((await first).status).toBe(503)
  await until('it names the missing topic', async () => {
    return (await (await fetch(`${url}/readyz`)).text()).includes('there is no topic')
  })
  await makeTopic(settings)
  await until('the gateway is ready', async () => (await readiness()) === 200, 20_000)
  expect(log.lines.filter(({ message }) => message.includes('is away'))).toHaveLength(1)
}, 60_000)

function gatewayConfig({ brokers, topic }: { brokers: readonly string[]; topic: string }) {
  return loadConfig({
    file: undefined,
    environment: { KAFKA_BROKERS: brokers.join(','), KAFKA_TOPIC: topic, GATEWAY_PORT: '0' },
    flags: new Map(),
    needsKafka: true,
    localEndpoints: undefined,
    readFile: () => '',
  }).config
}
