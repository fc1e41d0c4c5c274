import { onTestFinished } from 'vitest'
import { createDecoder } from '../../../src/domain/event/decode.ts'
import { createGateway, type GatewayOptions } from '../../../src/http/gateway.ts'
import { DEFAULT_RULES } from '../domain/decode-rules.ts'
import { recordLog } from '../logs.ts'

const NOW_MS = Date.UTC(2026, 0, 2)
export const MAX_EVENT_BYTES = 4096
export const SAMPLE =
  '{"user_id": "user123", "group_id": "account123", "traits": {"name": "account name", "logo": null, "employees": 250}, "timestamp": "20-11-23T22:28:55.111Z"}'

/** The first lines of a request, for `sendRaw`. */
export const REQUEST_START = 'POST /group HTTP/1.1\r\nhost: x\r\n'

const { decodeValue } = createDecoder({ ...DEFAULT_RULES, maxEventBytes: MAX_EVENT_BYTES })

interface Published {
  readonly key: string
  readonly value: Buffer
}

/** A gateway that keeps what it publishes and answers; it closes with its test. */
export async function start(options: Partial<GatewayOptions> = {}) {
  const log = recordLog()
  const published: Published[] = []
  const answers: number[] = []
  const server = createGateway({
    host: '127.0.0.1',
    port: 0,
    log,
    decode: decodeValue,
    publish: async (key, value) => {
      published.push({ key, value })
    },
    health: () => ({ live: true, ready: false, parts: [{ name: 'kafka', ok: false }] }),
    metrics: async () => ({ contentType: 'text/plain', body: 'up 1\n' }),
    onAnswer: (status) => answers.push(status),
    now: () => NOW_MS,
    maxEventBytes: MAX_EVENT_BYTES,
    ...options,
  })
  onTestFinished(() => server.close())
  const { url } = await server.listen()
  return { url, server, log, published, answers }
}

export function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  return fetch(`${url}/group`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
}
