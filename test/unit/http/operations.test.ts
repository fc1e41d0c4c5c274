import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import type { Health } from '../../../src/http/health.ts'
import { CannotListen } from '../../../src/http/listen.ts'
import { createOperationsServer } from '../../../src/http/operations.ts'
import { HEALTHY, start } from '../../setup/http/operations.ts'
import { sendRaw } from '../../setup/http/raw-client.ts'
import { silentLog } from '../../setup/logs.ts'

const REDIS_AWAY: Health = {
  live: true,
  ready: false,
  parts: [
    { name: 'kafka', ok: true },
    { name: 'redis', ok: false, since: '2026-01-02T03:04:05.000Z', detail: 'connection refused' },
  ],
}

test('a healthy process is live and ready', async () => {
  const { url } = await start()
  const live = await fetch(`${url}/healthz`)
  expect(live.status).toBe(200)
  expect(await live.json()).toEqual({ live: true, parts: HEALTHY.parts })
  const ready = await fetch(`${url}/readyz`)
  expect(ready.status).toBe(200)
  expect(await ready.json()).toEqual({ ready: true, parts: HEALTHY.parts })
})

test('during an outage the process is live but not ready, and says what is away, since when and why', async () => {
  const { url } = await start({ health: () => REDIS_AWAY })
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  const ready = await fetch(`${url}/readyz`)
  expect(ready.status).toBe(503)
  expect(await ready.json()).toEqual({
    ready: false,
    parts: [
      { name: 'kafka', ok: true },
      { name: 'redis', ok: false, since: '2026-01-02T03:04:05.000Z', detail: 'connection refused' },
    ],
  })
})

test('a process that needs a restart is not live', async () => {
  const { url } = await start({ health: () => ({ ...HEALTHY, live: false, ready: false }) })
  expect((await fetch(`${url}/healthz`)).status).toBe(503)
  expect((await fetch(`${url}/readyz`)).status).toBe(503)
})

test('health is computed at every request', async () => {
  let health = HEALTHY
  const { url } = await start({ health: () => health })
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  health = REDIS_AWAY
  expect((await fetch(`${url}/readyz`)).status).toBe(503)
})

test('metrics come with their own content type', async () => {
  const { url } = await start()
  const response = await fetch(`${url}/metrics`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4')
  expect(await response.text()).toBe('up 1\n')
})

test('HEAD answers like GET, without a body', async () => {
  const { url } = await start({ health: () => REDIS_AWAY })
  const response = await fetch(`${url}/readyz`, { method: 'HEAD' })
  expect(response.status).toBe(503)
  expect(await response.text()).toBe('')
})

test('an unknown path is answered with the paths that exist', async () => {
  const { url } = await start()
  const response = await fetch(`${url}/nope?x=1`)
  expect(response.status).toBe(404)
  const answer = (await response.json()) as { error: string; endpoints: object }
  expect(answer.error).toBe('not_found')
  expect(Object.keys(answer.endpoints)).toEqual(['GET /healthz', 'GET /readyz', 'GET /metrics'])
})

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND'])(
  '%s is not allowed',
  async (method) => {
    const { url } = await start()
    const response = await fetch(`${url}/healthz`, {
      method,
      ...(method === 'POST' && { body: '{', headers: { 'content-type': 'application/json' } }),
    })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD')
    expect(await response.json()).toMatchObject({ error: 'method_not_allowed' })
  },
)

test('a path that cannot be decoded is a bad request', async () => {
  const { url } = await start()
  const response = await fetch(`${url}/%ff`)
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ error: 'bad_request' })
})

test('a bug is logged, and the answer has no details of it', async () => {
  const { url, log } = await start({ metrics: () => Promise.reject(new Error('inner details')) })
  const response = await fetch(`${url}/metrics`)
  expect(response.status).toBe(500)
  const text = await response.text()
  expect(text).toContain('"error":"internal"')
  expect(text).not.toMatch(/inner details| at /)
  expect(log.lines.filter(({ level }) => level === 'error')).toMatchObject([
    { facts: { err: new Error('inner details'), method: 'GET', path: '/metrics' } },
  ])
})

test('a request is logged at debug only', async () => {
  const { url, log } = await start()
  await fetch(`${url}/healthz?token=1`)
  expect(log.lines).toMatchObject([
    { level: 'debug', facts: { method: 'GET', path: '/healthz', status: 200 } },
  ])
})

test('port 0 is any free port, and two servers get different ones', async () => {
  const [one, two] = [await start(), await start()]
  expect(one.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(one.url).not.toBe(two.url)
})

test('when the server listens on all addresses, its URL can be opened', async () => {
  const { url } = await start({ host: '0.0.0.0' })
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

test('the error for a port in use names the port and the variable to change', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  const { port } = taken.address() as { port: number }
  try {
    const starting = start({ port })
    await expect(starting).rejects.toThrow(CannotListen)
    await expect(starting).rejects.toThrow(`port ${port} on 127.0.0.1 is in use`)
    await expect(starting).rejects.toThrow('HTTP_PORT')
  } finally {
    taken.close()
  }
})

test('the error for an address that is not of this machine names it', async () => {
  await expect(start({ host: '192.0.2.1' })).rejects.toThrow('192.0.2.1 is not an address')
})

test('closing twice, or before listening, is fine', async () => {
  const { server } = await start()
  await Promise.all([server.close(), server.close()])
  const unused = createOperationsServer({
    host: '127.0.0.1',
    port: 0,
    log: silentLog,
    health: () => HEALTHY,
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
  })
  await unused.close()
})

test.each([
  ['text that is not HTTP', 'hello there\r\n\r\n', '400 Bad Request'],
  ['a bad header', 'GET / HTTP/1.1\r\nho st: x\r\n\r\n', '400 Bad Request'],
  [
    'two lengths',
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
    '400 Bad Request',
  ],
  ['huge headers', `GET / HTTP/1.1\r\nhost: x\r\nfill: ${'x'.repeat(20_000)}\r\n\r\n`, '431 '],
])('%s is answered with an error in JSON', async (_name, text, status) => {
  const { url } = await start()
  const answer = await sendRaw(url, text).answer
  expect(answer).toContain(`HTTP/1.1 ${status}`)
  const [, body = ''] = answer.split('\r\n\r\n')
  expect(JSON.parse(body)).toEqual({ error: expect.any(String), message: expect.any(String) })
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})
