/** Redis is there, and refuses writes: an outage like any other, never a reason for dead letters. */
import { describe, inject, test } from 'vitest'
import {
  full,
  readOnly,
  type Trouble,
  underAnotherPassword,
  withoutReplicas,
} from '../setup/scene/redis-faults.ts'
import { expectOutage, expectTruth, startRedisScene } from './redis-scene.ts'

const TROUBLES: readonly { what: string; trouble: Trouble; detail: RegExp; password?: string }[] = [
  { what: 'is full', trouble: full, detail: /OOM/ },
  { what: 'has too few replicas', trouble: withoutReplicas, detail: /NOREPLICAS/ },
  { what: 'is read-only', trouble: readOnly, detail: /READONLY/ },
  {
    what: 'changes its password',
    trouble: underAnotherPassword,
    detail: /WRONGPASS/,
    password: 'first',
  },
]

describe.skipIf(inject('redisServer') === '')('under load, Redis', () => {
  test.for(TROUBLES)(
    '$what: workers wait, and go on by themselves once it takes writes again',
    { timeout: 120_000 },
    async ({ trouble, detail, password }) => {
      const scene = await startRedisScene(password === undefined ? {} : { password })
      await expectOutage(scene, trouble, detail)
      await expectTruth(scene)
    },
  )
})
