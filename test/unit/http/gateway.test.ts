import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { EventTooLarge } from '../../../src/http/gateway.ts'
import { NotRetriable, Unavailable } from '../../../src/pipeline/errors.ts'
import { post, SAMPLE, start } from '../../setup/http/gateway.ts'

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

test('the error for a port in use names the variable of the gateway', async () => {
  const { url } = await start()
  await expect(start({ port: Number(new URL(url).port) })).rejects.toThrow('GATEWAY_PORT')
})
