import { expect, test } from 'vitest'
import { commitMetadata, committedBy } from '../../../../src/kafka/wire/commit-metadata.ts'

test('a commit of this topic is a worker’s', () => {
  expect(commitMetadata('abc')).toBe('group-traits abc')
  expect(committedBy(commitMetadata('abc'), 'abc')).toBe('worker')
})

test('a commit of another topic of that name is a former one', () => {
  expect(committedBy(commitMetadata('abc'), 'def')).toBe('worker of a former topic')
})

test('where one of the two has no id, it is taken for this topic’s', () => {
  expect(commitMetadata(undefined)).toBe('group-traits')
  expect(committedBy('group-traits', 'abc')).toBe('worker')
  expect(committedBy('group-traits', undefined)).toBe('worker')
  expect(committedBy('group-traits abc', undefined)).toBe('worker')
})

test('any other commit was set by hand', () => {
  for (const metadata of [undefined, null, '', 'abc', 'group-traits-2 abc']) {
    expect(committedBy(metadata, 'abc')).toBe('nobody')
  }
})
