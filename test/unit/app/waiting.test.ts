import { expect, test } from 'vitest'
import { OutageBoard } from '../../../src/app/outage-board.ts'
import { waitAtStart } from '../../../src/app/waiting.ts'
import { silentLog } from '../../setup/logs.ts'

test('a stop ends the wait even while an attempt hangs', async () => {
  const outages = new OutageBoard(['kafka'], silentLog, Date.now, () => {})
  const stopping = new AbortController()
  const waiting = waitAtStart(() => new Promise<void>(() => {}), outages, stopping.signal)
  stopping.abort()
  await expect(waiting).resolves.toBeUndefined()
})
