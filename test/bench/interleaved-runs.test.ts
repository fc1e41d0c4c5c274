import { expect, test } from 'vitest'
import { rowsOf, runInterleaved } from './interleaved-runs.ts'

const by = ({ eventsPerSecond }: { readonly eventsPerSecond: number }) => eventsPerSecond

test('workers run alternately; the median run counts, and ours is compared with each', async () => {
  const rates = {
    'group-traits': [90, 70, 80],
    pipelined: [40, 50, 20],
    straightforward: [8, 9, 10],
  }
  const ran: string[] = []
  const summaries = await runInterleaved(
    ['group-traits', 'pipelined', 'straightforward'],
    3,
    async (worker) => {
      const round = ran.filter((name) => name === worker).length
      ran.push(worker)
      return { eventsPerSecond: rates[worker as keyof typeof rates][round] ?? Number.NaN }
    },
    by,
  )

  expect(ran.slice(0, 4)).toEqual(['group-traits', 'pipelined', 'straightforward', 'group-traits'])
  const [ours, ...references] = rowsOf(summaries, by)
  expect(ours).toMatchObject({
    ran: 'group-traits',
    figures: { eventsPerSecond: 80 },
    ratios: { pipelined: 2, straightforward: 80 / 9 },
    runs: [90, 70, 80].map((eventsPerSecond) => ({ eventsPerSecond })),
  })
  expect(references.map((row) => row.ratios)).toEqual([undefined, undefined])
})
