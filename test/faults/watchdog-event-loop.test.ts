import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openScene } from '../setup/scene/test-scene.ts'
import { hasEnded, logOf, untilReady } from '../setup/scene/worker-status.ts'
import { BUGS } from './watchdog-bugs.ts'
import { isMerged, send, WITH_BUGS } from './watchdog-scene.ts'

/** As in src/app/watch/event-loop-watch.ts. */
const EVENT_LOOP_MS = 30_000
/** Several intervals of both watchdogs. */
const CHECKS_MS = 5000

test('a worker that was suspended for longer than any limit continues; one with a stuck event loop ends', async () => {
  const scene = await openScene({ partitions: 1 })
  const worker = scene.startWorker(WITH_BUGS)
  await untilReady(worker)
  worker.child.kill('SIGSTOP')
  await send(scene, 'acme')
  await sleep(EVENT_LOOP_MS + 3000)
  worker.child.kill('SIGCONT')
  await isMerged(scene, 'acme')
  await untilReady(worker)
  await sleep(CHECKS_MS)
  expect(hasEnded(worker), logOf(worker)).toBe(false)

  await send(scene, BUGS.stuck)
  expect(await worker.exited, logOf(worker)).toBe(1)
  expect(worker.lines.filter(({ level }) => level === 'fatal')).toMatchObject([
    {
      blockedMs: EVENT_LOOP_MS,
      msg: expect.stringMatching(/^the event loop has been stuck for 30 s, in stuck \(file:/),
    },
  ])
}, 150_000)
