import { expect, test } from 'vitest'
import { amendKafkajs, applyAmendments } from '../../../../src/kafka/amendments/amendments.ts'
import { type Load, loadModule } from '../../../../src/kafka/amendments/kafkajs-parts.ts'
import { NotRetriable } from '../../../../src/pipeline/errors.ts'
import { freshKafkajs } from './fresh-kafkajs.ts'

test('another version of kafkajs is refused, with both versions and what to do', () => {
  const error = failureOf(replacing('kafkajs/package.json', { version: '2.2.5' }))
  expect(error.message).toBe(
    'kafkajs 2.2.5 is installed, but only kafkajs 2.2.4 will do, as parts of it are replaced at ' +
      'run time. Install the locked version with `npm ci`. To change the version, go through ' +
      'src/kafka/amendments first',
  )
})

class Empty {}
class OtherParameters {
  withBroker(_callback: unknown, _more: unknown): void {}
}

test.each([
  ['broker', Empty, 'fetch is not a function with 1 parameters'],
  ['network/requestQueue', Empty, 'scheduleCheckPendingRequests is not a function'],
  ['cluster/brokerPool', OtherParameters, 'withBroker is not a function with 1 parameters'],
  ['consumer/consumerGroup', Empty, 'recoverFromOffsetOutOfRange is not a function'],
  ['consumer/consumerGroup', recoveringGroup(), 'joinAndSync is not a function'],
  ['consumer/offsetManager', Empty, 'getCoordinator is not a function'],
  [
    'protocol/requests/metadata',
    { versions: 6, protocol: () => {} },
    'versions is not of type arr',
  ],
  ['protocol/requests/metadata/v0/response', {}, 'parse is not a function'],
  ['protocol/requests/apiKeys', { Metadata: '3' }, 'Metadata is not of type number'],
  ['protocol/encoder', Empty, 'writeBuffer is not a function'],
  ['errors', {}, 'KafkaJSServerDoesNotSupportApiKey is not a function'],
])('kafkajs whose %s was changed is refused, with the part and what to do', (path, part, what) => {
  const { message } = failureOf(replacing(`kafkajs/src/${path}`, part))
  expect(message).toContain(`kafkajs 2.2.4 is installed, but its src/${path} was changed: ${what}`)
  expect(message).toContain('Install the package unchanged with `npm ci`')
})

test('kafkajs is amended once per process', () => {
  amendKafkajs()
  const { prototype } = loadModule('kafkajs/src/broker') as { prototype: { fetch: unknown } }
  const { fetch } = prototype
  amendKafkajs()
  expect(prototype.fetch).toBe(fetch)
})

function replacing(name: string, replacement: unknown): Load {
  const load = freshKafkajs()
  return (wanted) => (wanted === name ? replacement : load(wanted))
}

function recoveringGroup() {
  return class {
    recoverFromOffsetOutOfRange(_error: unknown): void {}
  }
}

function failureOf(load: Load): Error {
  try {
    applyAmendments(load)
  } catch (error) {
    expect(error).toBeInstanceOf(NotRetriable)
    return error as Error
  }
  throw new Error('it was amended')
}
