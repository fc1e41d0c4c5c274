/** Redis becomes unavailable under load and returns: workers wait for it, and nothing is lost. */
import { describe, inject, test } from 'vitest'
import {
  cutConnections,
  freezeConnections,
  freezeRedis,
  killRedis,
  type RedisFault,
  restartRedis,
} from '../setup/scene/redis-faults.ts'
import { expectCorrectState, expectOutage, startRedisScene } from './redis-scene.ts'

const FAULTS: readonly { what: string; fault: RedisFault; detail: RegExp }[] = [
  { what: 'is restarted', fault: restartRedis, detail: /ECONNRESET|closed|cannot be reached/ },
  { what: 'is killed', fault: killRedis, detail: /ECONNRESET|closed|cannot be reached/ },
  { what: 'is frozen', fault: freezeRedis, detail: /does not answer/ },
  { what: 'cannot be reached', fault: cutConnections, detail: /ECONNREFUSED/ },
  { what: 'answers nothing', fault: freezeConnections, detail: /does not answer/ },
]

describe.skipIf(inject('redisServer') === '')('under load, Redis', () => {
  test.for(FAULTS)(
    '$what: workers wait and continue by themselves with nothing lost',
    { timeout: 120_000 },
    async ({ fault, detail }) => {
      const scene = await startRedisScene()
      await expectOutage(scene, fault, detail)
      await expectCorrectState(scene)
    },
  )
})
