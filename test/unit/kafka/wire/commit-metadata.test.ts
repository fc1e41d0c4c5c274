import { expect, test } from 'vitest'
import { commitMetadata, committedBy } from '../../../../src/kafka/wire/commit-metadata.ts'

test('a commit with the id of this topic is a worker’s', () => {
  expect(commitMetadata('abc')).toBe('group-traits abc')
  expect(committedBy(commitMetadata('abc'), 'abc')).toBe('worker')
})

test('a commit with another topic id is a worker’s of a former topic', () => {
  expect(committedBy(commitMetadata('abc'), 'def')).toBe('worker of a former topic')
})

test('a worker’s commit counts for this topic if the commit or the topic has no id', () => {
  expect(commitMetadata(undefined)).toBe('group-traits')
  expect(committedBy('group-traits', 'abc')).toBe('worker')
  expect(committedBy('group-traits', undefined)).toBe('worker')
  expect(committedBy('group-traits abc', undefined)).toBe('worker')
})

test('a commit with any other metadata is no worker’s', () => {
  for (const metadata of [undefined, null, '', 'abc', 'group-traits-2 abc']) {
    expect(committedBy(metadata, 'abc')).toBe('nobody')
  }
})
