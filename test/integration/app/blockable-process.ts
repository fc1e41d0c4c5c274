/** A process whose event loop is watched. Its first argument names the way in which it gets stuck. */
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchEventLoop } from '../../../src/app/watch/event-loop-watch.ts'
import { createLogger, type LoggerOptions } from '../../../src/telemetry/logger.ts'

const logger: LoggerOptions = { level: 'info', format: 'auto' }
const log = createLogger(logger)
const end = watchEventLoop({ limitMs: 1000, everyMs: 100 }, logger, log)
const [kind = '', pauseMs = '0'] = process.argv.slice(2)

const ways: Record<string, () => unknown> = {
  'endless loop': function spin() {
    for (;;);
  },
  'catastrophic regular expression': () => /^(a+)+$/.test(`${'a'.repeat(60)}b`),
  'wait for another thread': () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  'system call': () => execFileSync('sleep', ['60']),
  'endless log': () => {
    for (;;) log.info({}, 'again')
  },
  'slow event': () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500),
  nothing: () => {},
}

log.info({}, 'up')
await sleep(300)
ways[kind]?.()
await sleep(Number(pauseMs))
await end()
log.info({}, 'done')
