/** Translates errors of the Redis client. */
import { Unavailable } from '../../pipeline/errors.ts'

/**
 * Returns what to throw instead of an error of the client: `Unavailable` if Redis is away or rejects
 * commands for now. Any other error is a bug and is returned itself. Removes the arguments of the
 * command from the error: they are user data.
 *
 * @param reason why the connection is away, if that is known
 */
export function failureOf(error: unknown, reason: Error | null = null): unknown {
  if (!(error instanceof Error)) return error
  const code = codeOf(error)
  const knownReason = code === 'DISCONNECTED' ? failureOf(reason) : null
  if (knownReason instanceof Unavailable) return knownReason
  const meaning = code === null ? undefined : OUTAGES[code]
  const bare = withoutArguments(error)
  if (code === null || (meaning === undefined && isReply(error))) return bare
  return new Unavailable('redis', `Redis ${meaning ?? 'cannot be reached'} (${code})`, {
    cause: bare,
  })
}

/**
 * Returns the code of an error: of a reply (`OOM`), of the operating system (`ECONNREFUSED`), of TLS,
 * or our own for a message of the client (`TIMEOUT`, `DISCONNECTED`, `CLUSTER`, `SENTINEL`). `null`
 * if the error says nothing of Redis or the network.
 */
export function codeOf(error: Error): string | null {
  if (isReply(error)) return codeOfReply(error.message)
  const nested = 'lastNodeError' in error ? error.lastNodeError : undefined
  if (nested instanceof Error) return codeOf(nested) ?? 'CLUSTER'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (SYSTEM_OR_TLS_CODE.test(code)) return code
  if (error.name === 'MaxRetriesPerRequestError' || error.name === 'AbortError')
    return 'DISCONNECTED'
  return CLIENT_MESSAGES.find(([start]) => error.message.startsWith(start))?.[1] ?? null
}

/** Whether the code is one of TLS: of the certificate or of the protocol. */
export function isTlsCode(code: string): boolean {
  return TLS_CODE.test(code)
}

const TLS_CODE = /CERT|^ERR_SSL|^ERR_TLS|^UNABLE_TO|^HOSTNAME_MISMATCH/
const SYSTEM_OR_TLS_CODE = new RegExp(`^E(?!RR_)[A-Z_0-9]+$|${TLS_CODE.source}`)

/** How messages of ioredis begin that have no code, and our code for them. */
const CLIENT_MESSAGES: readonly (readonly [string, string])[] = [
  ['Command timed out', 'TIMEOUT'],
  ['Socket timeout', 'TIMEOUT'],
  ['timeout', 'TIMEOUT'],
  ['Connection is closed', 'DISCONNECTED'],
  ["Stream isn't writeable", 'DISCONNECTED'],
  ["Cluster isn't ready", 'DISCONNECTED'],
  ['Cluster is ', 'DISCONNECTED'],
  ['None of startup nodes is available', 'CLUSTER'],
  ['Failed to refresh slots cache', 'CLUSTER'],
  ['Too many Cluster redirections', 'CLUSTER'],
  ['All sentinels are unreachable', 'SENTINEL'],
]

/** Code -> what follows "Redis" in the message. */
const OUTAGES: Readonly<Record<string, string>> = {
  OOM: 'is full: it has reached its maxmemory',
  MISCONF: 'refuses writes: it cannot save to its disk',
  LOADING: 'is loading its data',
  BUSY: 'is busy with a script',
  READONLY: 'is a read-only replica',
  NOREPLICAS: 'refuses writes: it has too few replicas',
  CLUSTERDOWN: 'Cluster is down',
  MASTERDOWN: 'is a replica that lost its master',
  TRYAGAIN: 'Cluster is moving these keys',
  MOVED: 'Cluster has moved these keys',
  ASK: 'Cluster is moving these keys',
  NOAUTH: 'asks for a password',
  WRONGPASS: 'refuses the user or the password',
  NOPERM: 'denies the user a right that is needed',
  UNBLOCKED: 'changed its role, master or replica',
  MAXCLIENTS: 'has too many clients',
  CLUSTER: 'Cluster cannot be reached',
  SENTINEL: 'Sentinels cannot be reached',
  TIMEOUT: 'does not answer in time',
}

function isReply(error: Error): boolean {
  return error.name === 'ReplyError'
}

/**
 * Redis wraps the error of a command in a script: before 7.0 as `ERR Error running script …: -OOM
 * command …`, since 7.0 as `ERR OOM command …`.
 */
function codeOfReply(message: string): string | null {
  if (message.startsWith('ERR max number of clients')) return 'MAXCLIENTS'
  if (/The user executing the script can't|ACL failure in script/.test(message)) return 'NOPERM'
  const wrapped = /^ERR (?:Error running script.*: ?-?)?([A-Z]{2,}) /s.exec(message)?.[1]
  if (wrapped !== undefined && (wrapped in OUTAGES || wrapped === 'WRONGTYPE')) return wrapped
  return /^-?([A-Z]+)/.exec(message)?.[1] ?? null
}

function withoutArguments(error: Error): Error {
  const { command, lastNodeError } = error as {
    command?: { name?: unknown }
    lastNodeError?: unknown
  }
  if (command !== undefined) Object.assign(error, { command: { name: command.name } })
  if (lastNodeError instanceof Error) withoutArguments(lastNodeError)
  Reflect.deleteProperty(error, 'previousErrors')
  return error
}
