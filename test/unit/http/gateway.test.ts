import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { createDecoder } from '../../../src/domain/event/decode.ts'
import { createGateway, EventTooLarge, type GatewayOptions } from '../../../src/http/gateway.ts'
import type { HttpServer } from '../../../src/http/server.ts'
import { NotRetriable, Unavailable } from '../../../src/pipeline/errors.ts'
import { DEFAULT_RULES } from '../../setup/decode-rules.ts'
import { recordLog } from '../../setup/logs.ts'
import { sendRaw } from './raw-client.ts'

const NOW_MS = Date.UTC(2026, 0, 2)
const MAX_EVENT_BYTES = 4096
const SAMPLE =
  '{"user_id": "user123", "group_id": "account123", "traits": {"name": "account name", "logo": null, "employees": 250}, "timestamp": "20-11-23T22:28:55.111Z"}'

const { decodeValue } = createDecoder({ ...DEFAULT_RULES, maxEventBytes: MAX_EVENT_BYTES })

const servers: HttpServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

interface Published {
  readonly key: string
  readonly value: Buffer
}

async function start(options: Partial<GatewayOptions> = {}) {
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
  servers.push(server)
  const { url } = await server.listen()
  return { url, server, log, published, answers }
}

function post(
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

test('an event is published byte for byte, keyed by its group, and answered with its fields as parsed', async () => {
  const { url, published } = await start()
  const response = await post(url, SAMPLE)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(await response.json()).toEqual({
    status: 'accepted',
    group_id: 'account123',
    user_id: 'user123',
    assigned: true,
    timestamp: '2020-11-23T22:28:55.111000Z',
    traits: ['name', 'employees'],
    removed_traits: ['logo'],
  })
  expect(published).toEqual([{ key: 'account123', value: Buffer.from(SAMPLE) }])
})

test('an event with an anonymousId only is accepted, with a null user', async () => {
  const { url } = await start()
  const body =
    '{"type":"group","anonymousId":"a","groupId":"g","timestamp":1606170535.999999,"assigned":false}'
  expect(await (await post(url, body)).json()).toMatchObject({
    group_id: 'g',
    user_id: null,
    assigned: false,
    timestamp: '2020-11-23T22:28:55.999999Z',
    traits: [],
    removed_traits: [],
  })
})

test('an invalid event is answered with every problem, and not published', async () => {
  const { url, published } = await start()
  const response = await post(url, '{"group_id":" ","traits":[],"timestamp":"yesterday"}')
  expect(response.status).toBe(400)
  const answer = (await response.json()) as { error: string; problems: object[] }
  expect(answer.error).toBe('invalid_event')
  expect(answer.problems).toMatchObject([
    { reason: 'invalid_field', path: '/group_id' },
    { reason: 'missing_field', path: '/user_id' },
    { reason: 'invalid_field', path: '/traits' },
    { reason: 'invalid_timestamp', path: '/timestamp' },
  ])
  for (const problem of answer.problems) {
    expect(problem).toMatchObject({ message: expect.stringMatching(/\w/) })
  }
  expect(published).toEqual([])
})

test.each([
  ['text that is not JSON', '{"group_id":', 'not_json'],
  ['an array of events', `[${SAMPLE}]`, 'not_object'],
  ['nothing', '', 'empty_value'],
  ['bytes that are not UTF-8', Buffer.from('{"group_id":"\xff"}', 'latin1'), 'not_utf8'],
  [
    'a time later than now plus the skew',
    SAMPLE.replace('20-11-23', '2026-01-04'),
    'timestamp_in_future',
  ],
])('%s is an invalid event', async (_name, body, reason) => {
  const { url, published } = await start()
  const response = await post(url, body)
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ error: 'invalid_event', problems: [{ reason }] })
  expect(published).toEqual([])
})

test('a POST without a body is an invalid event', async () => {
  const { url } = await start()
  const response = await fetch(`${url}/group`, { method: 'POST' })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    problems: [{ reason: 'empty_value', message: 'the event is empty' }],
  })
})

test('an event of another type is rejected, and the answer names the type', async () => {
  const { url, published } = await start()
  const response = await post(url, '{"type":"track","event":"Clicked"}')
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    error: 'invalid_event',
    problems: [
      { reason: 'invalid_field', path: '/type', message: expect.stringContaining('"track"') },
    ],
  })
  expect(published).toEqual([])
})

test.each([
  'application/json',
  'application/json; charset=utf-8',
  'application/json;charset="UTF8"',
  'application/vnd.acme.group+json',
  'text/json',
  'text/plain;charset=UTF-8',
])('%s is accepted as JSON', async (type) => {
  const { url } = await start()
  expect((await post(url, SAMPLE, { 'content-type': type })).status).toBe(200)
})

test('a missing content type is accepted', async () => {
  const { url, published } = await start()
  const response = await fetch(`${url}/group`, { method: 'POST', body: Buffer.from(SAMPLE) })
  expect(response.status).toBe(200)
  expect(published).toHaveLength(1)
})

test.each([
  'application/x-www-form-urlencoded',
  'application/json; charset=iso-8859-1',
  'text/html',
  'multipart/form-data; boundary=x',
  'nonsense',
])('%s is rejected before the body is read, and the answer says what to send', async (type) => {
  const { url, published } = await start()
  const response = await post(url, SAMPLE, { 'content-type': type })
  expect(response.status).toBe(415)
  expect(await response.json()).toMatchObject({
    error: 'unsupported_media_type',
    message: expect.stringContaining('application/json'),
  })
  expect(published).toEqual([])
})

test('a gzipped event is published unzipped', async () => {
  const { url, published } = await start()
  const response = await post(url, gzipSync(SAMPLE), { 'content-encoding': 'gzip' })
  expect(response.status).toBe(200)
  expect(published[0]?.value.toString()).toBe(SAMPLE)
})

test('a body that is not gzip although its header says so, or is truncated, is a bad request', async () => {
  const { url } = await start()
  for (const body of [Buffer.from(SAMPLE), gzipSync(SAMPLE).subarray(0, 40)]) {
    const response = await post(url, body, { 'content-encoding': 'gzip' })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: 'bad_request' })
  }
})

test('an encoding other than gzip is rejected, and the answer offers gzip', async () => {
  const { url } = await start()
  const response = await post(url, SAMPLE, { 'content-encoding': 'br' })
  expect(response.status).toBe(415)
  expect(response.headers.get('accept-encoding')).toBe('gzip')
})

const TOO_LARGE = {
  error: 'invalid_event',
  problems: [{ reason: 'too_large', path: '', message: expect.stringContaining('4096') }],
}

test('an event of exactly the maximum size is accepted, and one byte more is not', async () => {
  const { url } = await start()
  expect((await post(url, SAMPLE.padEnd(MAX_EVENT_BYTES))).status).toBe(200)
  const response = await post(url, SAMPLE.padEnd(MAX_EVENT_BYTES + 1))
  expect(response.status).toBe(413)
  expect(await response.json()).toEqual(TOO_LARGE)
})

test('a body without a length is cut off at the limit', async () => {
  const { url } = await start()
  const chunk = 'x'.repeat(1000)
  const chunks = `${chunk.length.toString(16)}\r\n${chunk}\r\n`.repeat(6)
  const { answer } = sendRaw(
    url,
    `POST /group HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n${chunks}`,
  )
  expect(await answer).toContain('HTTP/1.1 413')
})

test('a small body that unzips to a huge one is too large', async () => {
  const { url } = await start()
  const response = await post(url, gzipSync(Buffer.alloc(1_000_000, ' ')), {
    'content-encoding': 'gzip',
  })
  expect(response.status).toBe(413)
  expect(await response.json()).toEqual(TOO_LARGE)
})

test('while Kafka is away the answer is 503, with Retry-After and without inner details', async () => {
  const { url, log } = await start({
    publish: () => Promise.reject(new Unavailable('kafka', 'broker-7:9092 refused')),
  })
  const response = await post(url, SAMPLE)
  expect(response.status).toBe(503)
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
  const text = await response.text()
  expect(JSON.parse(text)).toEqual({ error: 'unavailable', message: expect.any(String) })
  expect(text).not.toContain('broker-7')
  expect(log.lines.filter(({ level }) => level !== 'debug')).toEqual([])
})

test('a right that the gateway lacks is answered like an outage', async () => {
  const { url } = await start({
    publish: () => Promise.reject(new NotRetriable('kafka', 'no right')),
  })
  expect((await post(url, SAMPLE)).status).toBe(503)
})

test('an event over the limit of the topic is too large', async () => {
  const { url } = await start({ publish: () => Promise.reject(new EventTooLarge('1 MB')) })
  const response = await post(url, SAMPLE)
  expect(response.status).toBe(413)
  expect(await response.json()).toMatchObject({ problems: [{ reason: 'too_large', path: '' }] })
})

test('there is no answer before Kafka has acknowledged', async () => {
  const acknowledged = Promise.withResolvers<void>()
  const { url } = await start({ publish: () => acknowledged.promise })
  const answer = post(url, SAMPLE)
  expect(await Promise.race([answer, delay(150, 'nothing yet')])).toBe('nothing yet')
  acknowledged.resolve()
  expect((await answer).status).toBe(200)
})

test('a bug in publishing is logged with its details, and answered without them', async () => {
  const { url, log } = await start({ publish: () => Promise.reject(new TypeError('inner bug')) })
  const response = await post(url, SAMPLE)
  expect(response.status).toBe(500)
  expect(await response.text()).not.toContain('inner bug')
  expect(log.lines).toContainEqual(
    expect.objectContaining({
      level: 'error',
      facts: { err: new TypeError('inner bug'), method: 'POST', path: '/group' },
    }),
  )
})

test('other methods and paths are answered with the methods and paths that exist', async () => {
  const { url } = await start()
  const get = await fetch(`${url}/group`)
  expect(get.status).toBe(405)
  expect(get.headers.get('allow')).toBe('POST')
  const stray = await fetch(`${url}/groups`, { method: 'POST', body: SAMPLE })
  expect(stray.status).toBe(404)
  expect(Object.keys(((await stray.json()) as { endpoints: object }).endpoints)).toEqual([
    'POST /group',
    'GET /healthz',
    'GET /readyz',
    'GET /metrics',
  ])
})

test('the gateway has health and metrics, too', async () => {
  const { url } = await start()
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect((await fetch(`${url}/readyz`)).status).toBe(503)
  expect(await (await fetch(`${url}/metrics`)).text()).toBe('up 1\n')
})

test('answers to events are reported by status, even if the body was never decoded', async () => {
  const { url, answers } = await start()
  await post(url, SAMPLE)
  await post(url, '{')
  await post(url, 'x'.repeat(5000))
  await post(url, SAMPLE, { 'content-type': 'text/html' })
  await fetch(`${url}/healthz`)
  await expect.poll(() => answers).toEqual([200, 400, 413, 415])
})

const HEAD = 'POST /group HTTP/1.1\r\nhost: x\r\n'

test.each([
  ['invalid chunks', `${HEAD}transfer-encoding: chunked\r\n\r\nnonsense\r\n`],
  [
    'both a length and chunks',
    `${HEAD}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n`,
  ],
  ['a negative length', `${HEAD}content-length: -1\r\n\r\n`],
])('%s are a bad request', async (_name, text) => {
  const { url, published } = await start()
  expect(await sendRaw(url, text).answer).toContain('HTTP/1.1 400 Bad Request')
  expect(published).toEqual([])
  expect((await post(url, SAMPLE)).status).toBe(200)
})

test('a body that stops half-way times out, and is never published', async () => {
  const { url, published } = await start({ requestTimeoutMs: 300 })
  const { answer } = sendRaw(url, `${HEAD}content-length: 500\r\n\r\n${SAMPLE}`)
  expect(await answer).toContain('408 Request Timeout')
  expect(published).toEqual([])
})

test('a client that disconnects in the middle of its body is not logged as an error', async () => {
  const { url, published, log } = await start()
  const { socket, answer } = sendRaw(url, `${HEAD}content-length: 500\r\n\r\n${SAMPLE}`)
  await delay(50)
  socket.destroy()
  await answer
  expect((await post(url, SAMPLE)).status).toBe(200)
  expect(published).toHaveLength(1)
  expect(log.lines.filter(({ level }) => level === 'error')).toEqual([])
})

test('closing answers the events in flight, and accepts no more', async () => {
  const acknowledged = Promise.withResolvers<void>()
  const called = Promise.withResolvers<void>()
  const { url, server } = await start({
    publish: () => {
      called.resolve()
      return acknowledged.promise
    },
  })
  const inFlight = post(url, SAMPLE)
  await called.promise
  const closed = server.close()
  // longer than the grace periods of close
  await delay(700)
  await expect(post(url, SAMPLE)).rejects.toThrow()
  acknowledged.resolve()
  const response = await inFlight
  expect(response.status).toBe(200)
  expect(response.headers.get('connection')).toBe('close')
  await closed
})

test('closing does not wait for a body that does not arrive', async () => {
  const { url, server } = await start()
  const { answer } = sendRaw(url, `${HEAD}content-length: 500\r\n\r\n{`)
  await delay(50)
  const startedMs = performance.now()
  await server.close()
  expect(performance.now() - startedMs).toBeLessThan(1000)
  await answer
})

test('the error for a port in use names the variable of the gateway', async () => {
  const { url } = await start()
  await expect(start({ port: Number(new URL(url).port) })).rejects.toThrow('GATEWAY_PORT')
})
