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

test('of a rebuild without surprises there is one line', () => {
  expect(reportText(DONE)).toBe(
    '30 records read, and 7 groups put in place; the workers were paused for 0.08 s.',
  )
  expect(reportText({ ...DONE, mode: 'merge', pausedMs: 0 })).toBe(
    '30 records merged into what stands in Redis.',
  )
})

test('what is out of the ordinary is counted, and the first of it named, without steering the terminal', () => {
  const stayed = Array.from({ length: 7 }, (_, i) => `g${i}\u001b[2J`)
  const unreadable = [{ partition: 3, offset: 4711n, reason: 'too large' }]
  const conflicts = [{ groupId: 'taken', message: 'group:{taken} is a string' }]
  const text = reportText({ ...DONE, pruned: 2, stayed, unreadable, conflicts })
  expect(text.split('\n').slice(1)).toEqual([
    'Groups that the topic knows nothing of: 2 deleted.',
    'Groups that the topic knows nothing of, and that stay: 7',
    ...[0, 1, 2, 3, 4].map((i) => `  g${i}\\u001b[2J`),
    '  … and 2 more',
    'Groups that could not be written: 1',
    '  taken: group:{taken} is a string',
    'Records that nobody can read, and that are passed over: 1',
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
  [{ placed: 0 }, /^Ended early: nothing was changed\.$/m],
  [{ placed: 1 }, /^Ended early: .*Run it again to do all\.$/m],
  [{ placed: 0, mode: 'merge' as const }, /^Ended early: .*Run it again to do all\.$/m],
])('ended early (%j), it says what that means', (changes, expected) => {
  expect(reportText({ ...DONE, ...changes, isInterrupted: true })).toMatch(expected)
})

test('what the topic no longer holds is told, and what follows from it', () => {
  const gaps = { removed: new Map(), isCompacted: false, isRecreated: false, isEmpty: false }
  const removed = new Map([
    [2, 100n],
    [3, 5n],
  ])
  expect(gapsText('groups', { ...gaps, removed }, false)).toBe(
    'Topic groups does not hold all events any more:\n' +
      '  the records before offset 100 of partition 2 are gone (retention), and of other partitions: 1\n' +
      'So its events are merged into what stands in Redis: what only Redis knows stays, and so does ' +
      'what is wrong there with a later time. (--replace: only what the topic holds.)',
  )
  expect(gapsText('groups', { ...gaps, isCompacted: true }, true)).toBe(
    'Topic groups does not hold all events any more:\n' +
      '  it is compacted: of each key the last record may be all\n' +
      'What only Redis knows of its groups is dropped, as --replace says.',
  )
  expect(gapsText('groups', { ...gaps, isRecreated: true }, true)).toContain('made anew')
})
