import { describe, expect, test } from 'vitest'
import { amendedKafkajs } from './fresh-kafkajs.ts'

interface Protocols {
  readonly requests: { readonly Metadata: object }
  lookup(versions: object): (
    apiKey: number,
    definition: object,
  ) => (question: object) => {
    readonly request: { readonly apiVersion: number }
  }
}

describe('amendment: metadata version', () => {
  test('brokers are asked in version 10, and those that do not know it as by kafkajs', () => {
    const { lookup, requests } = amendedKafkajs().part<Protocols>('protocol/requests')
    const versionFor = (maxVersion: number) =>
      lookup({ 3: { minVersion: 0, maxVersion } })(3, requests.Metadata)({ topics: ['t'] }).request
        .apiVersion
    expect([1, 5, 6, 7, 8, 9, 10, 11, 13].map(versionFor)).toEqual([1, 5, 6, 6, 6, 6, 10, 10, 10])
  })
})
