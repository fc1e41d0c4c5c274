import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/app/config/loader.ts'
import { hintFor } from '../../../src/cli/servers.ts'

const load = (environment: Record<string, string>) =>
  loadConfig({
    file: undefined,
    environment,
    flags: new Map(),
    needsKafka: false,
    localEndpoints: undefined,
    readFile: () => '',
  })

test('if no Redis is configured, the hint names npm start and the variables', () => {
  expect(hintFor(load({}))).toMatch(/npm start, or set REDIS_URL \(and KAFKA_BROKERS\)/)
  expect(hintFor(load({ REDIS_URL: 'redis://127.0.0.1:6379' }))).toBeUndefined()
})
