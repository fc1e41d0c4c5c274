import { setImmediate as tick } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/app/config/loader.ts'
import { readEventLines } from '../../../src/cli/event-lines.ts'
import { publishLines } from '../../../src/cli/line-publisher.ts'
import { type OutgoingRecord, RecordRejected } from '../../../src/kafka/producer/publisher.ts'
import { RequestRejected } from '../../../src/kafka/producer/sender.ts'
import { Unavailable } from '../../../src/pipeline/errors.ts'

const { config } = loadConfig({
  file: undefined,
  environment: {},
  flags: new Map(),
  needsKafka: false,
  localEndpoints: undefined,
  readFile: () => '',
})

test('no further lines are read until Kafka has acknowledged the previous ones', async () => {
  let chunks = 0
  async function* endless() {
    for (;;) {
      chunks++
      yield Buffer.from(`${event('a')}\n`)
    }
  }
  const acknowledged: (() => void)[] = []
  const publish = () => new Promise<void>((resolve) => acknowledged.push(resolve))
  publishLines(linesOf(endless()), { publish, close: async () => {} }, silent).catch(() => {})
  for (let turn = 1; turn <= 3; turn++) {
    for (let wait = 0; wait < 20; wait++) await tick()
    expect(chunks).toBe(turn)
    expect(acknowledged).toHaveLength(turn)
    acknowledged.at(-1)?.()
  }
})

test('publishing continues after a rejected record, and counts the records that were sent', async () => {
  const calls: string[][] = []
  const said: string[] = []
  const publish = async (records: readonly OutgoingRecord[]) => {
    calls.push(records.map(({ key }) => String(key)))
    const index = records.findIndex(({ key }) => key === 'large')
    if (index >= 0)
      throw new RecordRejected(index, new RequestRejected('size', 'topic t: too large'))
  }
  async function* source() {
    yield Buffer.from(['a', 'large', 'b', 'large', 'c'].map(event).join('\n'))
    yield Buffer.from('\nnonsense\n{"type":"track"}')
  }
  const progress = { ...silent, say: (text: string) => said.push(text) }
  const sums = await publishLines(linesOf(source()), { publish, close: async () => {} }, progress)
  expect(sums).toEqual({ sent: 3, rejected: 3, ignored: 1 })
  expect(calls[0]).toEqual(['a', 'large', 'b', 'large'])
  expect(calls.slice(1)).toEqual([['b', 'large'], ['c']])
  expect(said).toEqual([
    'line 2: rejected by topic t: too large',
    'line 4: rejected by topic t: too large',
    'line 6: not_json: the value is not JSON',
  ])
})

test('when Kafka goes away, the number of events sent so far is printed', async () => {
  const said: string[] = []
  let calls = 0
  const publish = async () => {
    if (++calls === 2) throw new Unavailable('kafka', 'gone')
  }
  async function* source() {
    for (const id of ['a', 'b', 'c']) yield Buffer.from(`${event(id)}\n`)
  }
  const progress = { ...silent, say: (text: string) => said.push(text) }
  await expect(
    publishLines(linesOf(source()), { publish, close: async () => {} }, progress),
  ).rejects.toThrow('gone')
  expect(said).toEqual([
    '1 event was sent before that. Publish the file again: a duplicate changes nothing',
  ])
})

const silent = { read() {}, done() {}, say() {}, stop() {} }

function linesOf(chunks: AsyncIterable<Buffer>) {
  return readEventLines(chunks, config.events, () => Date.UTC(2025))
}

function event(groupId: string): string {
  return JSON.stringify({ group_id: groupId, user_id: 'u', traits: {}, timestamp: '2024-01-01' })
}
