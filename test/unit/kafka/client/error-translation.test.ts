import { describe, expect, test } from 'vitest'
import {
  hasType,
  kindOfFailure,
  reasonOf,
  translate,
  withTlsHint,
} from '../../../../src/kafka/client/error-translation.ts'
import { kafkajs } from '../../../../src/kafka/client/kafkajs.ts'
import { NotRetriable, Unavailable } from '../../../../src/pipeline/errors.ts'

const {
  KafkaJSConnectionError,
  KafkaJSLockTimeout,
  KafkaJSNonRetriableError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
} = kafkajs

test('a connection that the broker closes asks to check whether the port speaks TLS', () => {
  const reset = { code: 'ECONNRESET' }
  const hintFor = (error: Error, isTls: boolean) =>
    withTlsHint(translate(exceeded(error), 'checking', ''), isTls).message
  const cut = new KafkaJSConnectionError('Connection error: read ECONNRESET', reset)
  expect(hintFor(cut, false)).toMatch(/that port may require TLS\. See kafka\.tls\.enabled$/)
  expect(hintFor(cut, true)).toMatch(/does that port speak TLS\? See kafka\.tls\.enabled$/)
  const notListening = new KafkaJSConnectionError('Connection error', { code: 'ECONNREFUSED' })
  expect(hintFor(notListening, true)).not.toContain('TLS')
})

describe('an error of kafkajs', () => {
  test.each([
    ['a closed connection', new KafkaJSConnectionError('Closed connection')],
    ['retries that are exhausted', exceeded(new KafkaJSConnectionError('Connection timeout'))],
    ['a leader that moves', protocolError('NOT_LEADER_FOR_PARTITION', true)],
    ['a coordinator that moves', nonRetriable(protocolError('NOT_COORDINATOR_FOR_GROUP', true))],
    ['a group that changed', nonRetriable(protocolError('ILLEGAL_GENERATION', false))],
    ['a connection lost while it was opened', new Error('Broker not connected')],
    [
      'a wait for a connection that times out',
      nonRetriable(timeout(KafkaJSLockTimeout, 'connect')),
    ],
  ])('%s is an outage', (_, error) => {
    expect(kindOfFailure(error)).toBe('away')
  })

  test.each([
    ['a wrong password', protocolError('SASL_AUTHENTICATION_FAILED', false)],
    ['a login where the port requires none', protocolError('ILLEGAL_SASL_STATE', false)],
    ['a missing right, wrapped', nonRetriable(protocolError('GROUP_AUTHORIZATION_FAILED', false))],
    [
      'a certificate that is not trusted',
      exceeded(
        new KafkaJSConnectionError('Connection error: self-signed certificate', {
          code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
        }),
      ),
    ],
    [
      'a port that does not speak TLS',
      new KafkaJSConnectionError('Connection error', { code: 'ERR_SSL_WRONG_VERSION_NUMBER' }),
    ],
  ])('%s is denied', (_, error) => {
    expect(kindOfFailure(error)).toBe('denied')
  })

  test.each([
    ['a TypeError', new TypeError('x is not a function')],
    ['a TypeError, wrapped', nonRetriable(new TypeError('x is not a function'))],
    ['a code that kafkajs does not know', protocolError('KAFKAJS_UNKNOWN_ERROR_CODE', false)],
    ['a plain error', new Error('boo')],
    ['no error at all', undefined],
  ])('%s is a bug', (_, error) => {
    expect(kindOfFailure(error)).toBe('bug')
  })
})

test('a denied request names what was done, why it failed, and what to do', () => {
  const error = translate(
    nonRetriable(protocolError('TOPIC_AUTHORIZATION_FAILED', false)),
    'reading topic groups',
    'Grant READ on the topic',
  )
  expect(error).toBeInstanceOf(NotRetriable)
  expect(error.message).toBe(
    'reading topic groups: TOPIC_AUTHORIZATION_FAILED of the broker (TOPIC_AUTHORIZATION_FAILED). ' +
      'Grant READ on the topic',
  )
})

test('the advice for a wrong password is to check kafka.sasl, not the rights', () => {
  const error = translate(protocolError('SASL_AUTHENTICATION_FAILED', false), 'x', 'Grant READ')
  expect(error.message).toContain('Check kafka.sasl')
  expect(error.message).not.toContain('Grant READ')
})

test('an outage keeps its cause, and a bug is returned unchanged', () => {
  const away = exceeded(new KafkaJSConnectionError('Connection timeout'))
  const translated = translate(away, 'reading', '')
  expect(translated).toBeInstanceOf(Unavailable)
  expect(translated.cause).toBe(away)
  expect(translated.message).toBe('reading: Connection timeout')
  const bug = new TypeError('oops')
  expect(translate(bug, 'reading', '')).toBe(bug)
})

test('the type that a broker sent is found in the chain of causes and in aggregate errors', () => {
  const many = new kafkajs.KafkaJSAggregateError('many', [protocolError('POLICY_VIOLATION', false)])
  expect(hasType(nonRetriable(many), 'POLICY_VIOLATION')).toBe(true)
  expect(hasType(nonRetriable(many), 'MESSAGE_TOO_LARGE')).toBe(false)
  expect(reasonOf(nonRetriable(many))).toContain('POLICY_VIOLATION')
})

test('a circular chain of causes is no endless loop', () => {
  const error = new Error('a')
  error.cause = new Error('b', { cause: error })
  expect(kindOfFailure(error)).toBe('bug')
})

function protocolError(type: string, retriable: boolean): Error {
  const given = { type, code: 1, retriable, message: `${type} of the broker` }
  return new KafkaJSProtocolError(given as unknown as Error)
}

/** Wraps an error as kafkajs' retrier does where it does not retry. */
function nonRetriable(cause: Error): Error {
  const Wrapper = KafkaJSNonRetriableError as unknown as new (
    error: Error,
    options: object,
  ) => Error
  return new Wrapper(cause, { cause })
}

function exceeded(cause: Error): Error {
  return new KafkaJSNumberOfRetriesExceeded(cause, { retryCount: 5, retryTime: 1 })
}

function timeout(Class: unknown, message: string): Error {
  return new (Class as new (message: string) => Error)(message)
}
