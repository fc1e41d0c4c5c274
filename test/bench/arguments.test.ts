import { describe, expect, test } from 'vitest'
import { parseArguments, UsageError } from './arguments.ts'
import { WHOLE_RESULTS } from './results.ts'

const namesOf = (...args: string[]) => {
  const command = parseArguments(args)
  return command.kind === 'measure' ? command.scenarios.map(({ name }) => name) : []
}

describe('the arguments of the benchmark', () => {
  test('select a scenario by name, or all that begin with it, each once', () => {
    expect(namesOf('--scenario', 'drain-4')).toEqual(['drain-4'])
    expect(namesOf('--scenario', 'latency')).toEqual(['latency-1k', 'latency-10k'])
    expect(namesOf('--scenario', 'latency', '--scenario', 'latency-1k')).toHaveLength(2)
  })

  test('select the default scenarios without a name, and every one with `all`', () => {
    expect(namesOf()).toContain('drain-4')
    expect(namesOf()).not.toContain('groups-1e7')
    expect(namesOf('--scenario', 'all')).toContain('groups-1e7')
  })

  test('select the results to draw, by default those of a whole run', () => {
    expect(parseArguments(['--plot'])).toEqual({ kind: 'plot', results: WHOLE_RESULTS })
    expect(parseArguments(['--plot', '--results', 'x.json'])).toMatchObject({ results: 'x.json' })
    expect(parseArguments([])).toMatchObject({ kind: 'measure', results: undefined })
  })

  test.each([
    [['--scenario', 'nope'], 'There is no scenario nope'],
    [['--events', '1e5'], '--events must be a whole number'],
    [['--events', '0'], '--events must be a whole number'],
    [['--repeat', '-1'], '--repeat'],
    [['--foo'], '--foo'],
    [['drain-4'], 'drain-4'],
    [['--scenario='], '--scenario needs a name'],
    [['--plot', '--scenario', 'drain-4'], 'measures nothing: remove --scenario'],
    [['--plot', '--events', '600000'], 'measures nothing: remove --events'],
    [['--plot', '--repeat', '1'], 'measures nothing: remove --repeat'],
    [['--plot', '--seed', '42'], 'measures nothing: remove --seed'],
  ])('%j are rejected', (args, message) => {
    expect(() => parseArguments(args)).toThrow(UsageError)
    expect(() => parseArguments(args)).toThrow(message)
  })
})
