import { describe, expect, test } from 'vitest'
import { parseArguments, WrongArguments } from '../../bench/arguments.ts'
import { WHOLE_RESULTS } from '../../bench/results.ts'

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

  test('name the results to draw, which are those of a whole run otherwise', () => {
    expect(parseArguments(['--plot'])).toEqual({ kind: 'plot', results: WHOLE_RESULTS })
    expect(parseArguments(['--plot', '--results', 'x.json'])).toMatchObject({ results: 'x.json' })
    expect(parseArguments([])).toMatchObject({ kind: 'measure', results: undefined })
  })

  test.each([
    [['--scenario', 'nope'], 'No scenario is named nope'],
    [['--events', '1e5'], '--events is a whole number'],
    [['--events', '0'], '--events is a whole number'],
    [['--repeat', '-1'], '--repeat'],
    [['--foo'], '--foo'],
    [['drain-4'], 'drain-4'],
    [['--scenario='], '--scenario takes a name'],
    [['--plot', '--scenario', 'drain-4'], 'measures nothing: no --scenario'],
    [['--plot', '--events', '600000'], 'measures nothing: no --events'],
    [['--plot', '--repeat', '1'], 'measures nothing: no --repeat'],
    [['--plot', '--seed', '42'], 'measures nothing: no --seed'],
  ])('%j are refused', (args, message) => {
    expect(() => parseArguments(args)).toThrow(WrongArguments)
    expect(() => parseArguments(args)).toThrow(message)
  })
})
