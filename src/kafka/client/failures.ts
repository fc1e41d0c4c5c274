/**
 * What an error of kafkajs means. It wraps errors several times over, and what decides is
 * somewhere in the chain of causes: a type that the broker gave, or a code of the socket.
 */
import { NotRetriable, Unavailable } from '../../pipeline/errors.ts'
import { kafkajs } from './kafkajs.ts'

/**
 * - `denied`: waiting does not mend it: a wrong password, a missing right, a wrong setting
 * - `away`: a broker, a leader or a coordinator is not there for now
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

/** An error of the broker's own, like `MESSAGE_TOO_LARGE`, somewhere in the chain. */
export function hasType(error: unknown, ...types: readonly string[]): boolean {
  return causes(error).some((cause) => types.includes(textAt(cause, 'type')))
}

/**
 * The error as the rest of the program knows it: NotRetriable, Unavailable, or itself where it is
 * a bug.
 *
 * @param doing "reading topic groups"
 * @param advice what to do where it is denied
 */
export function translate(error: unknown, doing: string, advice: string): Error {
  if (error instanceof Unavailable || error instanceof NotRetriable) return error
  switch (kindOfFailure(error)) {
    case 'denied':
      return new NotRetriable(
        'kafka',
        `${doing}: ${reasonOf(error)}. ${adviceFor(error) ?? advice}`,
        {
          cause: error,
        },
      )
    case 'away':
      return new Unavailable('kafka', `${doing}: ${reasonOf(error)}`, { cause: error })
    default:
      return error instanceof Error ? error : new Error(`${doing}: ${String(error)}`)
  }
}

/** In one line: what the broker or the socket said. */
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

/** Where the broker is there and ends the connection without a word: what to look at. */
export function withTlsHint(error: Error, isTls: boolean): Error {
  const isCut = causes(error).some(
    (cause) =>
      nameOf(cause) === 'KafkaJSConnectionClosedError' || textAt(cause, 'code') === 'ECONNRESET',
  )
  if (!(error instanceof Unavailable && isCut)) return error
  const hint = isTls ? 'does that port speak TLS?' : 'that port may want TLS.'
  return new Unavailable('kafka', `${error.message}: ${hint} See kafka.tls.enabled`, {
    cause: error.cause,
  })
}

function adviceFor(error: unknown): string | undefined {
  if (isSaslFailure(error)) {
    return 'Check kafka.sasl: whether that port of the broker asks for it, the mechanism, the user name and the password'
  }
  if (causes(error).some((cause) => TLS_CODES.test(textAt(cause, 'code')))) {
    return 'Check kafka.tls: whether that port of the broker speaks TLS, and the authorities to trust (caFile)'
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

/** As Node names them: a certificate that cannot be trusted, or a port that speaks no TLS. */
const TLS_CODES = /^(ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/

function isDenied(cause: unknown): boolean {
  return (
    DENIED.has(textAt(cause, 'type')) ||
    TLS_CODES.test(textAt(cause, 'code')) ||
    ['KafkaJSSASLAuthenticationError', 'KafkaJSServerDoesNotSupportApiKey'].includes(nameOf(cause))
  )
}

const BUGS = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError'])

/** Called non-retriable by kafkajs, although a broker that comes back mends them. */
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

/** A plain error of kafkajs, where a connection is lost before it knows what the broker can do. */
function isNotConnected(error: unknown): boolean {
  return error instanceof Error && error.message === 'Broker not connected'
}

/** The group changed under a request that kafkajs does not repeat. */
function hasRejoinableType(cause: unknown): boolean {
  const types = ['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'UNKNOWN']
  return types.includes(textAt(cause, 'type'))
}

const MOST_CAUSES = 20

function causes(error: unknown): unknown[] {
  const chain: unknown[] = [error]
  for (let index = 0; index < chain.length && chain.length < MOST_CAUSES; index++) {
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
