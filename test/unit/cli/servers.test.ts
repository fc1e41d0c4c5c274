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

test('where no Redis is named, the hint is npm start or the variables', () => {
  expect(hintFor(load({}))).toMatch(/npm start, or set REDIS_URL \(and KAFKA_BROKERS\)/)
  expect(hintFor(load({ REDIS_URL: 'redis://127.0.0.1:6379' }))).toBeUndefined()
})
