import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { findFreePorts } from '../../../src/local/free-ports.ts'

test('a preferred port that is free is returned', async () => {
  const [free = 0] = await findFreePorts([0])
  expect(await findFreePorts([free])).toEqual([free])
})

test('another port is returned if the preferred one is taken', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const [found] = await findFreePorts([port])
  expect(found).toBeGreaterThan(0)
  expect(found).not.toBe(port)
  server.close()
})

test('the ports of one call are all different', async () => {
  const ports = await findFreePorts([0, 0, 0, 0])
  expect(new Set(ports).size).toBe(4)
})
