import { expect, test } from 'vitest'
import { BatchWaits } from '../../../src/app/batch-waits.ts'
import { OutageBoard } from '../../../src/app/outage-board.ts'
import { retryRules } from '../../../src/app/retries.ts'
import { Abandoned, Unavailable } from '../../../src/pipeline/errors.ts'
import type { RetryRules } from '../../../src/pipeline/retry.ts'
import { silentLog } from '../../setup/logs.ts'

const OUTAGE = new Unavailable('redis', 'out of memory')

test('after a batch is abandoned in an outage, the next batch that succeeds ends the outage', async () => {
  const { outages, waits } = create()
  await expect(waits.during(abandon)).rejects.toThrow(Abandoned)
  expect(outages.isAway('redis')).toBe(true)
  await waits.during(succeed)
  expect(outages.isAway('redis')).toBe(false)
})

test('after a batch is abandoned in an outage, the next check of Redis ends the outage', async () => {
  const { outages, waits } = create()
  await expect(waits.during(abandon)).rejects.toThrow(Abandoned)
  waits.clearBoard()
  expect(outages.isAway('redis')).toBe(false)
})

test('while a batch still waits, the success of another batch does not end the outage', async () => {
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

test('a batch that succeeds does not end the outage of a connection', async () => {
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
