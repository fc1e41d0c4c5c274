import { expect, test } from 'vitest'
import type { Finding } from '../../../../src/app/verify/judgement.ts'
import { Tally } from '../../../../src/app/verify/tally.ts'

test('differences are all counted, and listed up to the limit', () => {
  const tally = new Tally(2)
  tally.compared(5)
  tally.differs('a', [finding('x'), finding('y')])
  tally.differs('b', [finding('z')])
  tally.cannotBeVerified('c', [finding('x')])
  expect(tally.sums()).toMatchObject({
    groups: 5,
    differences: { groups: 2, count: 3, first: [{ groupId: 'a', name: 'x' }, { name: 'y' }] },
    unverifiable: { groups: 1, count: 1, first: [{ groupId: 'c' }] },
  })
})

test('stray entries of the user index are left out only for a group that differs', () => {
  const tally = new Tally(10)
  tally.differs('different', [finding('x')])
  tally.differs('fine when it was checked again', [])
  tally.hasStrayEntries('different', [finding('ann')])
  tally.hasStrayEntries('fine when it was checked again', [finding('ann')])
  expect(tally.sums().differences).toMatchObject({ groups: 2, count: 2 })
})

function finding(name: string): Finding {
  return { kind: 'trait', name, expected: null, found: 'something', isBeyond: false }
}
