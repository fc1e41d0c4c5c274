import { describe, expect, test } from 'vitest'
import { median, medianBy, quantile } from './quantiles.ts'

describe('quantiles', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)

  test('are the smallest values that are not exceeded by a share of all', () => {
    expect([0, 0.5, 0.99, 1].map((q) => quantile(hundred, q))).toEqual([1, 50, 99, 100])
    expect(quantile([7], 0.99)).toBe(7)
    expect(quantile([], 0.5)).toBeNaN()
  })

  test('are found by numeric order, and the input is unchanged', () => {
    const values = [10, 9, 2]
    expect(median(values)).toBe(9)
    expect(values).toEqual([10, 9, 2])
  })

  test('of items are the item with the median figure, the lower one of two', () => {
    const runs = [{ rate: 5 }, { rate: 1 }, { rate: 3 }]
    expect(medianBy(runs, ({ rate }) => rate)).toBe(runs[2])
    expect(medianBy(runs.slice(0, 2), ({ rate }) => rate)).toBe(runs[1])
    expect(() => medianBy([], () => 0)).toThrow('no median')
  })
})
