import { expect, test } from 'vitest'
import { BatchWaits } from '../../../src/app/batch-waits.ts'
import { OutageBoard } from '../../../src/app/outage-board.ts'
import { retryRules } from '../../../src/app/waiting.ts'
import { Abandoned, Unavailable } from '../../../src/pipeline/errors.ts'
import type { RetryRules } from '../../../src/pipeline/retry.ts'
import { silentLog } from '../../setup/logs.ts'

const OUTAGE = new Unavailable('redis', 'out of memory')

test('an outage that a batch was given up in is over with the next batch that succeeds', async () => {
  const { outages, waits } = create()
  await expect(waits.during(abandon)).rejects.toThrow(Abandoned)
  expect(outages.isAway('redis')).toBe(true)
  await waits.during(succeed)
  expect(outages.isAway('redis')).toBe(false)
})

test('an outage that a batch was given up in is over once Redis answers a look', async () => {
  const { outages, waits } = create()
  await expect(waits.during(abandon)).rejects.toThrow(Abandoned)
  waits.clearBoard()
  expect(outages.isAway('redis')).toBe(false)
})

test('an outage that a batch still waits for is not over because another one succeeds', async () => {
  const { outages, waits } = create()
  const waiting = Promise.withResolvers<void>()
  const batch = waits.during(async (rules) => {
    rules.onUnavailable(OUTAGE)
    await waiting.promise
    rules.onAvailable(OUTAGE)
  })
  await waits.during(succeed)
  expect(outages.isAway('redis')).toBe(true)
  waiting.resolve()
  await batch
  expect(outages.isAway('redis')).toBe(false)
})

test('a batch that succeeds says nothing of a connection that is away', async () => {
  const { outages, waits } = create()
  outages.away('redis', 'connection', 'refused')
  await waits.during(succeed)
  expect(outages.isAway('redis')).toBe(true)
})

const succeed = async () => {}

const abandon = async (rules: RetryRules) => {
  rules.onUnavailable(OUTAGE)
  throw new Abandoned('partition 0 may have another owner by now')
}

function create() {
  const outages = new OutageBoard(['kafka', 'redis'], silentLog, Date.now, () => {})
  return { outages, waits: new BatchWaits(retryRules(outages, 'batch', 10_000), outages) }
}
