import { describe, expect, test } from 'vitest'
import { parseArguments, WrongArguments } from '../../bench/arguments.ts'

const namesOf = (...args: string[]) => {
  const wish = parseArguments(args)
  return wish.kind === 'measure' ? wish.scenarios.map(({ name }) => name) : []
}

describe('the arguments of the benchmark', () => {
  test('name one scenario, or all that begin so, each once', () => {
    expect(namesOf('--scenario', 'drain-4')).toEqual(['drain-4'])
    expect(namesOf('--scenario', 'latency')).toEqual(['latency-1k', 'latency-10k'])
    expect(namesOf('--scenario', 'latency', '--scenario', 'latency-1k')).toHaveLength(2)
  })

  test('that name none mean some, and that name all mean every one', () => {
    expect(namesOf()).toContain('drain-4')
    expect(namesOf()).not.toContain('groups-1e7')
    expect(namesOf('--scenario', 'all')).toContain('groups-1e7')
  })

  test.each([
    [['--scenario', 'nope'], 'No scenario is named nope'],
    [['--events', '1e5'], '--events is a whole number'],
    [['--events', '0'], '--events is a whole number'],
    [['--repeat', '-1'], '--repeat'],
    [['--foo'], '--foo'],
    [['drain-4'], 'drain-4'],
    [['--plot', '--scenario', 'drain-4'], 'measures nothing'],
  ])('%j are refused', (args, message) => {
    expect(() => parseArguments(args)).toThrow(WrongArguments)
    expect(() => parseArguments(args)).toThrow(message)
  })
})
