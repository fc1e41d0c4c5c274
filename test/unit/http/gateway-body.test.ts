import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { MAX_EVENT_BYTES, post, REQUEST_START, SAMPLE, start } from '../../setup/http/gateway.ts'
import { sendRaw } from '../../setup/http/raw-client.ts'

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

test.each([
  ['invalid chunks', `${REQUEST_START}transfer-encoding: chunked\r\n\r\nnonsense\r\n`],
  [
    'both a length and chunks',
    `${REQUEST_START}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n`,
  ],
  ['a negative length', `${REQUEST_START}content-length: -1\r\n\r\n`],
])('%s are a bad request', async (_name, text) => {
  const { url, published } = await start()
  expect(await sendRaw(url, text).answer).toContain('HTTP/1.1 400 Bad Request')
  expect(published).toEqual([])
  expect((await post(url, SAMPLE)).status).toBe(200)
})
