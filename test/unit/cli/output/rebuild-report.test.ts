import { expect, test } from 'vitest'
import type { RebuildReport } from '../../../../src/app/rebuild/rebuild.ts'
import { gapsText, reportJson, reportText } from '../../../../src/cli/output/rebuild-report.ts'

const DONE: RebuildReport = {
  mode: 'replace',
  records: 30,
  placed: 7,
  pruned: 0,
  stayed: [],
  pausedMs: 84.4,
  unreadable: [],
  conflicts: [],
  isInterrupted: false,
}

test('the report of a rebuild without problems is one line', () => {
  expect(reportText(DONE)).toBe(
    '30 records read, 7 groups rebuilt; the workers were paused for 0.08 s.',
  )
  expect(reportText({ ...DONE, mode: 'merge', pausedMs: 0 })).toBe(
    '30 records merged into the state in Redis.',
  )
})

test('problems are counted and the first ones shown, with control characters escaped', () => {
  const stayed = Array.from({ length: 7 }, (_, i) => `g${i}\u001b[2J`)
  const unreadable = [{ partition: 3, offset: 4711n, reason: 'too large' }]
  const conflicts = [{ groupId: 'taken', message: 'group:{taken} is a string' }]
  const text = reportText({ ...DONE, pruned: 2, stayed, unreadable, conflicts })
  expect(text.split('\n').slice(1)).toEqual([
    'Groups without an event in the topic: 2 deleted.',
    'Groups without an event in the topic, which were kept: 7',
    ...[0, 1, 2, 3, 4].map((i) => `  g${i}\\u001b[2J`),
    '  … and 2 more',
    'Groups that could not be written: 1',
    '  taken: group:{taken} is a string',
    'Unreadable records, which were skipped: 1',
    '  3/4711: too large',
  ])
  expect(reportJson({ ...DONE, stayed, unreadable, conflicts })).toEqual({
    ...DONE,
    pausedMs: 84,
    conflicts,
    stayed: { count: 7, groups: stayed },
    unreadable: [{ partition: 3, offset: '4711', reason: 'too large' }],
  })
})

test.each([
  [{ placed: 0 }, /^Stopped early: nothing was changed\.$/m],
  [{ placed: 1 }, /^Stopped early: .*Run it again to finish\.$/m],
  [{ placed: 0, mode: 'merge' as const }, /^Stopped early: .*Run it again to finish\.$/m],
])('a report of a rebuild that stopped early (%j) says what was changed', (changes, expected) => {
  expect(reportText({ ...DONE, ...changes, isInterrupted: true })).toMatch(expected)
})

test('the gaps in the topic are described, and their effect on the rebuild', () => {
  const gaps = { removed: new Map(), isCompacted: false, isRecreated: false, isEmpty: false }
  const removed = new Map([
    [2, 100n],
    [3, 5n],
  ])
  expect(gapsText('groups', { ...gaps, removed }, false)).toBe(
    'Topic groups no longer has all events:\n' +
      '  partition 2 begins at offset 100: earlier records are gone (retention); the same is true of 1 other partition\n' +
      'So its events are merged into the state in Redis. What only Redis knows is kept, also a wrong ' +
      'value if its time is later. To keep only what the topic has, use --replace.',
  )
  expect(gapsText('groups', { ...gaps, isCompacted: true }, true)).toBe(
    'Topic groups no longer has all events:\n' +
      '  it is compacted: it may have only the last record of each key\n' +
      'With --replace, what only Redis knows about the groups in the topic is lost.',
  )
  expect(gapsText('groups', { ...gaps, isRecreated: true }, true)).toContain('recreated')
})
