/** Loaded into a worker before its own code: plants bugs, each triggered by the events of one group. */
import { createRequire } from 'node:module'
import { Redis } from 'ioredis'
import { BUGS } from './watchdog-bugs.ts'

const sendCommand = Redis.prototype.sendCommand
Redis.prototype.sendCommand = function (...args) {
  const hangs = args[0].args.some((arg) => String(arg).includes(BUGS.neverSettles))
  return hangs ? new Promise(() => {}) : sendCommand.apply(this, args)
}

const require = createRequire(import.meta.url)
const Runner: { prototype: { fetch(nodeId: number): Promise<unknown> } } =
  require('kafkajs/src/consumer/runner.js')
const { fetch } = Runner.prototype
let clientBug: string | undefined
Runner.prototype.fetch = async function (nodeId) {
  if (clientBug === BUGS.crashesClient) throw new TypeError('a bug of the client')
  if (clientBug === BUGS.haltsClient) return await new Promise(() => {})
  return await fetch.call(this, nodeId)
}

const { parse } = JSON
JSON.parse = (text: string, ...rest) => {
  if (text.includes(BUGS.stuck)) stuck()
  if (text.includes(BUGS.throws)) {
    setImmediate(() => {
      throw new TypeError('a bug that throws')
    })
  }
  clientBug ??= [BUGS.crashesClient, BUGS.haltsClient].find((bug) => text.includes(bug))
  if (text.includes(BUGS.rejects)) Promise.reject(new RangeError('a bug that rejects'))
  return parse(text, ...rest)
}

function stuck(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
