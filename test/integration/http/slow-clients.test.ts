/** Clients that are slow, hang or keep their connections: nobody waits for them for long. */
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { post, REQUEST_START, SAMPLE, start as startGateway } from '../../setup/http/gateway.ts'
import { start as startOperations } from '../../setup/http/operations.ts'
import { sendRaw } from '../../setup/http/raw-client.ts'

describe('the gateway:', () => {
  test('a body that stops half-proxy times out, and is never published', async () => {
    const { url, published } = await startGateway({ requestTimeoutMs: 300 })
    const { answer } = sendRaw(url, `${REQUEST_START}content-length: 500\r\n\r\n${SAMPLE}`)
    expect(await answer).toContain('408 Request Timeout')
    expect(published).toEqual([])
  })

  test('a client that disconnects in the middle of its body is not logged as an error', async () => {
    const { url, published, log } = await startGateway()
    const { socket, answer } = sendRaw(url, `${REQUEST_START}content-length: 500\r\n\r\n${SAMPLE}`)
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
    const { url, server } = await startGateway({
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
    const { url, server } = await startGateway()
    const { answer } = sendRaw(url, `${REQUEST_START}content-length: 500\r\n\r\n{`)
    await delay(50)
    const startedMs = performance.now()
    await server.close()
    expect(performance.now() - startedMs).toBeLessThan(1000)
    await answer
  })
})

describe('the operations server:', () => {
  test('closing takes less than a second, even if clients keep their connections open', async () => {
    const { url, server } = await startOperations()
    const keptAlive = sendRaw(url, 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
    const silent = sendRaw(url, '')
    const slow = sendRaw(url, 'GET /hea')
    await fetch(`${url}/healthz`)
    await delay(50)

    const startedMs = performance.now()
    await server.close()
    expect(performance.now() - startedMs).toBeLessThan(1000)
    expect(await keptAlive.answer).toContain('200 OK')
    await Promise.all([silent.answer, slow.answer])
    await expect(fetch(`${url}/healthz`)).rejects.toThrow()
  })

  test('a client that sends its headers too slowly times out', async () => {
    const { url } = await startOperations({ requestTimeoutMs: 300 })
    const { socket, answer } = sendRaw(url, 'GET /healthz HTTP/1.1\r\n')
    const timer = setInterval(() => socket.write('x'), 50)
    try {
      const startedMs = performance.now()
      expect(await answer).toContain('408 Request Timeout')
      expect(performance.now() - startedMs).toBeLessThan(3000)
    } finally {
      clearInterval(timer)
    }
  })
})
