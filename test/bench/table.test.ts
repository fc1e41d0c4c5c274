import { expect, test } from 'vitest'
import { tableOf } from './table.ts'

test('a table has a row for each worker, and the first line of each failure', () => {
  const text = tableOf([
    {
      scenario: 'drain-4',
      seconds: 1,
      rows: [
        {
          ran: 'group-traits',
          figures: { eventsPerSecond: 12_345.6, kafkaMicros: 7.77, redisMicros: Number.NaN },
          ratios: { pipelined: 0.5 },
          note: 'so far',
        },
        { ran: 'pipelined', figures: { eventsPerSecond: 24_691.2 } },
      ],
    },
    { scenario: 'hot', seconds: 1, rows: [], failure: 'It fell:\nat some place' },
  ])
  const cells = text.split('\n').map((line) => line.split('│').map((cell) => cell.trim()))
  const columns = cells.find((line) => line.includes('scenario')) ?? []
  const ours = cells.find((line) => line.includes('group-traits')) ?? []
  const figure = (column: string) => ours[columns.indexOf(column)]

  expect(figure('scenario')).toBe('drain-4')
  expect(figure('events/s')).toBe('12,346')
  expect(figure('Kafka µs/event')).toBe('7.8')
  expect(figure('Redis µs/event')).toBe('')
  expect(figure('compared')).toBe('0.500 x pipelined')
  expect(figure('notes')).toBe('so far')
  expect(text).toContain('24,691')
  expect(text).toContain('failed: It fell:')
  expect(text).not.toContain('at some place')
})
