import { describe, expect, test } from 'vitest'
import { isDeeperThan } from '../../../../src/domain/json/depth.ts'

describe('depth', () => {
  test.each([
    ['{}', 1],
    ['{"a":1}', 1],
    ['{"a":{}}', 2],
    ['{"a":[]}', 2],
    ['{"a":[[1],[[2]]]}', 4],
    ['{"a":[{"b":"[[[["}]}', 3],
  ])('of %s is %i', (text, levels) => {
    const document = JSON.parse(text)
    expect(isDeeperThan(document, levels - 1, text)).toBe(true)
    expect(isDeeperThan(document, levels, text)).toBe(false)
    expect(isDeeperThan(document, levels + 1, text)).toBe(false)
  })
})
