import { setImmediate as yieldLoop } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { BatchesInFlight, type Outcome } from '../../../../src/kafka/consumer/batches-in-flight.ts'
import { Abandoned, Rewound } from '../../../../src/pipeline/errors.ts'

test('a batch has its turn once the one before of its partition is durable', async () => {
  const { begin, events } = arrange(2)
  const first = await begin(0, 'first')
  const second = await begin(0, 'second')
  const other = await begin(1, 'other')
  expect(events).toEqual(['first decoded', 'first', 'second decoded', 'other decoded', 'other'])
  first.end()
  await quiet()
  expect(events.at(-1)).toBe('second')
  second.end()
  other.end()
})

test('the batches after a rewound one are rewound, until a seek', async () => {
  const { begin, inFlight, events } = arrange(2)
  const first = await begin(0, 'first')
  await begin(0, 'second')
  first.rewind()
  await quiet()
  await begin(0, 'third')
  expect(events).toEqual([
    ...['first decoded', 'first', 'second decoded', 'second abandoned'],
    ...['third decoded', 'third abandoned'],
  ])
  inFlight.seek(0)
  await begin(0, 'fourth')
  expect(events.at(-1)).toBe('fourth')
})

test('after a seek, a batch still waits until the batches in flight of its partition are over', async () => {
  const { begin, inFlight, events } = arrange(2)
  const first = await begin(0, 'first')
  inFlight.seek(0)
  await begin(0, 'again')
  expect(events.at(-1)).toBe('again decoded')
  first.rewind()
  await quiet()
  expect(events.at(-1)).toBe('again')
})

test('an abandoned batch blocks later ones of its partition, also after a seek, until the next assignment', async () => {
  const { begin, inFlight, events } = arrange(2)
  const first = await begin(0, 'first')
  inFlight.seek(0)
  await begin(0, 'again')
  first.abandon()
  await quiet()
  expect(events.at(-1)).toBe('again abandoned')
  inFlight.seek(0)
  await begin(0, 'once more')
  expect(events.at(-1)).toBe('once more abandoned')
  inFlight.assign()
  await begin(0, 'under the new assignment')
  expect(events.at(-1)).toBe('under the new assignment')
})

test('a batch does not wait for batches of an earlier assignment', async () => {
  const { begin, inFlight, events } = arrange(2)
  await begin(0, 'hanging')
  inFlight.assign()
  await begin(0, 'new')
  expect(events.at(-1)).toBe('new')
})

test('at most one batch more than the concurrency is in flight, and at most one is a second of its partition', async () => {
  const { begin, events } = arrange(2)
  const a1 = await begin(0, 'a1')
  await begin(1, 'b1')
  await begin(0, 'a2')
  await begin(0, 'a3')
  await begin(1, 'b2')
  await begin(2, 'c1')
  expect(events).toEqual(['a1 decoded', 'a1', 'b1 decoded', 'b1', 'a2 decoded'])
  a1.end()
  await quiet()
  expect(events.slice(5).sort()).toEqual(['a2', 'a3 decoded'])
})

test('with a concurrency of one, one batch is decoded ahead, of any partition', async () => {
  for (const partition of [0, 1]) {
    const { begin, events } = arrange(1)
    await begin(0, 'first')
    await begin(partition, 'second')
    await begin(2, 'third')
    expect(events.at(-1)).toMatch('second')
  }
})

test('a slow partition leaves the others their places', async () => {
  const { begin, events } = arrange(2)
  await begin(0, 'slow')
  await begin(0, 'slow too')
  await begin(0, 'slow as well')
  for (const name of ['b1', 'b2', 'b3']) {
    const batch = await begin(1, name)
    await quiet()
    expect(events.at(-1)).toBe(name)
    batch.end()
    await quiet()
  }
})

test('a batch that waited for room is not begun under another assignment', async () => {
  const { begin, inFlight, events } = arrange(0)
  const first = await begin(0, 'first')
  const { handled } = await begin(1, 'waiting')
  inFlight.assign()
  first.end()
  await handled
  expect(events).toEqual(['first decoded', 'first'])
})

test('one batch is decoded at a time', async () => {
  const inFlight = new BatchesInFlight(2)
  const events: string[] = []
  const { promise: decoding, resolve: endDecoding } = Promise.withResolvers<void>()
  const first = inFlight.begin(0, async ({ release, waitForTurn }) => {
    events.push('first begins')
    await decoding
    events.push('first decoded')
    release()
    await waitForTurn()
    return 'durable'
  })
  const second = inFlight.begin(1, async () => {
    events.push('second begins')
    return 'durable'
  })
  await quiet()
  expect(events).toEqual(['first begins'])
  endDecoding()
  await Promise.all([first, second])
  expect(events).toEqual(['first begins', 'first decoded', 'second begins'])
})

test('a kept error is thrown at a batch that waits for room, and at every later one', async () => {
  const { begin, inFlight, events } = arrange(0)
  const first = await begin(0, 'first')
  const { handled } = await begin(1, 'waiting')
  const rebalance = new Error('rebalance')
  inFlight.fail(rebalance)
  inFlight.fail(new Error('a later one'))
  first.abandon()
  await expect(handled).rejects.toBe(rebalance)
  await expect((await begin(2, 'next')).handled).rejects.toBe(rebalance)
  expect(events).toEqual(['first decoded', 'first'])
})

test('it settles once no batch is in flight, those of earlier assignments included', async () => {
  const { begin, inFlight } = arrange(2)
  await inFlight.settled()
  const first = await begin(0, 'first')
  const second = await begin(1, 'second')
  inFlight.assign()
  let isSettled = false
  const settled = inFlight.settled().then(() => {
    isSettled = true
  })
  first.end()
  await quiet()
  expect(isSettled).toBe(false)
  second.abandon()
  await settled
})

/** Begins batches that are decoded at once, and that last until the test ends them. */
function arrange(concurrency: number) {
  const events: string[] = []
  const inFlight = new BatchesInFlight(concurrency)
  const begin = async (partition: number, name: string) => {
    const { promise: over, resolve } = Promise.withResolvers<Outcome>()
    const handled = inFlight.begin(partition, async ({ release, waitForTurn }) => {
      events.push(`${name} decoded`)
      release()
      try {
        await waitForTurn()
      } catch (error) {
        expect(error).toBeInstanceOf(Abandoned)
        events.push(`${name} abandoned`)
        return error instanceof Rewound ? 'rewound' : 'abandoned'
      }
      events.push(name)
      return await over
    })
    handled.catch(() => {}) // tests that expect an error await it themselves
    await quiet()
    return {
      handled,
      end: () => resolve('durable'),
      rewind: () => resolve('rewound'),
      abandon: () => resolve('abandoned'),
    }
  }
  return { inFlight, events, begin }
}

/** Resolves once everything that could proceed has proceeded. */
async function quiet(): Promise<void> {
  await yieldLoop()
  await yieldLoop()
}
