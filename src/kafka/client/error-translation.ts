/**
 * Classifies errors of kafkajs. It wraps an error several times over, so what decides is somewhere
 * in the chain of causes: a type that the broker sent, or a code of the socket.
 */
import { NotRetriable, Unavailable } from '../../pipeline/errors.ts'
import { kafkajs } from './kafkajs.ts'

/**
 * - `denied`: retrying does not help: a wrong password, a missing right, a wrong setting
 * - `away`: a broker, a leader or a coordinator cannot be reached for now
 * - `bug`: anything else
 */
export type FailureKind = 'denied' | 'away' | 'bug'

export function kindOfFailure(error: unknown): FailureKind {
  if (error instanceof Unavailable) return 'away'
  if (error instanceof NotRetriable) return 'denied'
  const chain = causes(error)
  if (chain.some((cause) => isDenied(cause))) return 'denied'
  if (chain.some((cause) => BUGS.has(nameOf(cause)))) return 'bug'
  return chain.some(isAway) ? 'away' : 'bug'
}

/** Returns whether the broker sent one of these types of error, such as `MESSAGE_TOO_LARGE`. */
export function hasType(error: unknown, ...types: readonly string[]): boolean {
  return causes(error).some((cause) => types.includes(textAt(cause, 'type')))
}

/**
 * Returns the error as the rest of the program knows it: NotRetriable if it was denied,
 * Unavailable if Kafka is away, or itself if it is a bug.
 *
 * @param doing what was being done, for the message: "reading topic groups"
 * @param advice what an operator has to do if it was denied, unless the error asks for other advice
 */
export function translate(error: unknown, doing: string, advice: string): Error {
  if (error instanceof Unavailable || error instanceof NotRetriable) return error
  switch (kindOfFailure(error)) {
    case 'denied':
      return new NotRetriable(
        'kafka',
        `${doing}: ${reasonOf(error)}. ${adviceFor(error) ?? advice}`,
        { cause: error },
      )
    case 'away':
      return new Unavailable('kafka', `${doing}: ${reasonOf(error)}`, { cause: error })
    default:
      return error instanceof Error ? error : new Error(`${doing}: ${String(error)}`)
  }
}

/** Returns what the broker or the socket reported, in one line. */
export function reasonOf(error: unknown): string {
  const chain = causes(error)
  const decisive = chain.find((cause) => textAt(cause, 'type') !== '') ?? chain.at(-1) ?? error
  const type = textAt(decisive, 'type')
  const message = decisive instanceof Error ? decisive.message : String(decisive)
  return type === '' ? message : `${message} (${type})`
}

export function isKafkajsError(error: unknown): boolean {
  return error instanceof kafkajs.KafkaJSError || isNotConnected(error)
}

/** Adds what to check if a broker accepts the connection and then closes it. */
export function withTlsHint(error: Error, isTls: boolean): Error {
  const isCut = causes(error).some(
    (cause) =>
      nameOf(cause) === 'KafkaJSConnectionClosedError' || textAt(cause, 'code') === 'ECONNRESET',
  )
  if (!(error instanceof Unavailable && isCut)) return error
  const hint = isTls ? 'does that port speak TLS?' : 'that port may require TLS.'
  return new Unavailable('kafka', `${error.message}: ${hint} See kafka.tls.enabled`, {
    cause: error.cause,
  })
}

function adviceFor(error: unknown): string | undefined {
  if (isSaslFailure(error)) {
    return 'Check kafka.sasl: whether that port of the broker requires SASL, the mechanism, the user name and the password'
  }
  if (causes(error).some((cause) => TLS_CODES.test(textAt(cause, 'code')))) {
    return 'Check kafka.tls: whether that port of the broker speaks TLS, and the certificate authorities to trust (caFile)'
  }
  if (hasType(error, 'INVALID_SESSION_TIMEOUT')) {
    return "Set kafka.sessionTimeoutMs within the broker's group.min.session.timeout.ms and group.max.session.timeout.ms"
  }
  if (hasType(error, 'INCONSISTENT_GROUP_PROTOCOL')) {
    return 'Another kind of consumer is in this group: give the workers a kafka.groupId of their own'
  }
  return undefined
}

function isSaslFailure(error: unknown): boolean {
  return (
    hasType(
      error,
      'SASL_AUTHENTICATION_FAILED',
      'UNSUPPORTED_SASL_MECHANISM',
      'ILLEGAL_SASL_STATE',
    ) || causes(error).some((cause) => nameOf(cause) === 'KafkaJSSASLAuthenticationError')
  )
}

const DENIED = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'SECURITY_DISABLED',
  'UNSUPPORTED_VERSION',
  'INVALID_SESSION_TIMEOUT',
  'INCONSISTENT_GROUP_PROTOCOL',
  'INVALID_GROUP_ID',
  'INVALID_TOPIC_EXCEPTION',
  'GROUP_MAX_SIZE_REACHED',
  'POLICY_VIOLATION',
])

/** Node's codes for a certificate that is not trusted, or a port that does not speak TLS. */
const TLS_CODES = /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/

function isDenied(cause: unknown): boolean {
  return (
    DENIED.has(textAt(cause, 'type')) ||
    TLS_CODES.test(textAt(cause, 'code')) ||
    ['KafkaJSSASLAuthenticationError', 'KafkaJSServerDoesNotSupportApiKey'].includes(nameOf(cause))
  )
}

const BUGS = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError'])

/** kafkajs calls these non-retriable, although they end once the broker is back. */
const AWAY = new Set([
  'KafkaJSNumberOfRetriesExceeded',
  'KafkaJSLockTimeout',
  'KafkaJSTimeout',
  'KafkaJSGroupCoordinatorNotFound',
])

function isAway(cause: unknown): boolean {
  return (
    AWAY.has(nameOf(cause)) ||
    (cause instanceof kafkajs.KafkaJSError && cause.retriable) ||
    hasRejoinableType(cause) ||
    isNotConnected(cause)
  )
}

/** kafkajs throws this plain Error if a connection is lost before the API versions are known. */
function isNotConnected(error: unknown): boolean {
  return error instanceof Error && error.message === 'Broker not connected'
}

/** The group changed during a request that kafkajs does not retry. */
function hasRejoinableType(cause: unknown): boolean {
  const types = ['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'UNKNOWN']
  return types.includes(textAt(cause, 'type'))
}

/** A chain of causes may be a circle. */
const MAX_CAUSES = 20

/** Returns the error, its causes, and the errors inside them that kafkajs collected. */
function causes(error: unknown): unknown[] {
  const chain: unknown[] = [error]
  for (let index = 0; index < chain.length && chain.length < MAX_CAUSES; index++) {
    const cause = chain[index]
    if (!(cause instanceof Error)) continue
    if (cause.cause !== undefined && !chain.includes(cause.cause)) chain.push(cause.cause)
    if ('errors' in cause && Array.isArray(cause.errors)) chain.push(...cause.errors)
  }
  return chain
}

function nameOf(cause: unknown): string {
  return cause instanceof Error ? cause.name : ''
}

function textAt(cause: unknown, field: 'type' | 'code'): string {
  if (typeof cause !== 'object' || cause === null || !(field in cause)) return ''
  const value = (cause as Record<string, unknown>)[field]
  return typeof value === 'string' ? value : ''
}
