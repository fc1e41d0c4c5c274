import { describe, expect, test } from 'vitest'
import { createDecoder } from '../../src/domain/event/decode.ts'
import { DEFAULT_RULES } from '../setup/domain/decode-rules.ts'
import { type GeneratedEvent, generateEvents, type Workload } from './generator.ts'
import { EARLIER, HOT, INVALID, LARGE, PARTIAL, USUAL, uniform, WIDE } from './workloads.ts'

const SEED = 42
const { decodeValue } = createDecoder(DEFAULT_RULES)
const generate = (workload: Workload, count: number, seed = SEED) => [
  ...generateEvents(count, seed, workload),
]
const decode = ({ value }: GeneratedEvent) => decodeValue(Buffer.from(value), Date.now())
const meanBytes = (events: readonly GeneratedEvent[]) =>
  events.reduce((sum, { value }) => sum + value.length, 0) / events.length

describe('generated events', () => {
  test('are the same for the same seed, and different for another', () => {
    expect(generate(USUAL, 100)).toEqual(generate(USUAL, 100))
    expect(generate(USUAL, 100)).not.toEqual(generate(USUAL, 100, SEED + 1))
  })

  test.each([USUAL, EARLIER, uniform(1e6), HOT, PARTIAL, WIDE, LARGE, INVALID])(
    'of the workload $name are accepted by the worker if they are valid, else rejected',
    (workload) => {
      const count = Math.ceil(2000 / workload.weight)
      for (const event of generate(workload, count)) {
        expect(decode(event).kind).toBe(event.valid ? 'group' : 'rejected')
      }
    },
  )

  test('are invalid once in 200 events, or always', () => {
    const invalid = (workload: Workload) => generate(workload, 40_000).filter((e) => !e.valid)
    expect(invalid(USUAL).length).toBeGreaterThan(100)
    expect(invalid(USUAL).length).toBeLessThan(300)
    expect(invalid(INVALID).length).toBe(40_000)
  })

  test('usually have some 370 bytes, and the weight of their workload', () => {
    const usual = meanBytes(generate(USUAL, 2000))
    expect(usual).toBeGreaterThan(350)
    expect(usual).toBeLessThan(390)
    for (const workload of [WIDE, LARGE]) {
      const weight = meanBytes(generate(workload, 100)) / usual
      expect(weight / workload.weight).toBeGreaterThan(0.8)
      expect(weight / workload.weight).toBeLessThan(1.25)
    }
  })

  test('usually are of a few busy groups; uniform ones favour none', () => {
    const shareOfFirstTenth = (workload: Workload) => {
      const events = generate(workload, 20_000)
      return events.filter(({ group }) => group < workload.groups / 10).length / events.length
    }
    // u ** 3 < 0.1 for u < 0.464
    expect(shareOfFirstTenth(USUAL)).toBeCloseTo(0.464, 1)
    expect(shareOfFirstTenth(uniform(50_000))).toBeCloseTo(0.1, 1)
    expect(new Set(generate(HOT, 100).map(({ groupId }) => groupId))).toEqual(new Set(['group-0']))
  })

  test('have 7 traits, 1, or 500', () => {
    const traits = (workload: Workload) =>
      new Set(
        generate(workload, 10)
          .filter(({ valid }) => valid)
          .map(({ value }) => Object.keys(JSON.parse(value).traits).length),
      )
    expect(traits(USUAL)).toEqual(new Set([7]))
    expect(traits(PARTIAL)).toEqual(new Set([1]))
    expect(traits(WIDE)).toEqual(new Set([500]))
  })

  test('of the earlier workload are the usual ones, each a month before', () => {
    const timeless = (workload: Workload) =>
      generate(workload, 300)
        .filter(({ valid }) => valid)
        .map(({ value }) => ({ ...JSON.parse(value), timestamp: undefined }))
    expect(timeless(EARLIER)).toEqual(timeless(USUAL))
    expect(USUAL.firstEventMs - EARLIER.firstEventMs).toBe(30 * 86_400_000)
  })
})
