/** Redis goes away under load, and comes back: workers wait for it, and nothing is lost. */
import { describe, inject, test } from 'vitest'
import {
  behindASilentWay,
  beingKilled,
  beingRestarted,
  frozen,
  type Trouble,
  unreachable,
} from '../setup/scene/redis-faults.ts'
import { expectOutage, expectTruth, startRedisScene } from './redis-scene.ts'

const TROUBLES: readonly { what: string; trouble: Trouble; detail: RegExp }[] = [
  { what: 'is restarted', trouble: beingRestarted, detail: /ECONNRESET|closed|cannot be reached/ },
  { what: 'is killed', trouble: beingKilled, detail: /ECONNRESET|closed|cannot be reached/ },
  { what: 'is frozen', trouble: frozen, detail: /does not answer/ },
  { what: 'cannot be reached', trouble: unreachable, detail: /ECONNREFUSED/ },
  { what: 'is behind a silent way', trouble: behindASilentWay, detail: /does not answer/ },
]

describe.skipIf(inject('redisServer') === '')('under load, Redis', () => {
  test.for(TROUBLES)(
    '$what: workers wait, and go on by themselves with nothing lost',
    { timeout: 120_000 },
    async ({ trouble, detail }) => {
      const scene = await startRedisScene()
      await expectOutage(scene, trouble, detail)
      await expectTruth(scene)
    },
  )
})
