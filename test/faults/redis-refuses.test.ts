/** Redis rejects writes: workers treat it as an outage and write no dead letters. */
import { describe, inject, test } from 'vitest'
import {
  changePassword,
  fillMemory,
  makeReadOnly,
  type RedisFault,
  requireReplicas,
} from '../setup/scene/redis-faults.ts'
import { expectCorrectState, expectOutage, startRedisScene } from './redis-scene.ts'

const FAULTS: readonly { what: string; fault: RedisFault; detail: RegExp; password?: string }[] = [
  { what: 'is full', fault: fillMemory, detail: /OOM/ },
  { what: 'has too few replicas', fault: requireReplicas, detail: /NOREPLICAS/ },
  { what: 'is read-only', fault: makeReadOnly, detail: /READONLY/ },
  {
    what: 'changes its password',
    fault: changePassword,
    detail: /WRONGPASS/,
    password: 'first',
  },
]

describe.skipIf(inject('redisServer') === '')('under load, Redis', () => {
  test.for(FAULTS)(
    '$what: workers wait, and continue by themselves once it accepts writes again',
    { timeout: 120_000 },
    async ({ fault, detail, password }) => {
      const scene = await startRedisScene(password === undefined ? {} : { password })
      await expectOutage(scene, fault, detail)
      await expectCorrectState(scene)
    },
  )
})
