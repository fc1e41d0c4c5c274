import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { findFreePorts } from '../../../src/local/free-ports.ts'

test('a wanted port that is free is taken', async () => {
  const [free = 0] = await findFreePorts([0])
  expect(await findFreePorts([free])).toEqual([free])
})

test('a wanted port that is taken is passed over', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const [found] = await findFreePorts([port])
  expect(found).toBeGreaterThan(0)
  expect(found).not.toBe(port)
  server.close()
})

test('ports that are found together differ', async () => {
  const ports = await findFreePorts([0, 0, 0, 0])
  expect(new Set(ports).size).toBe(4)
})
