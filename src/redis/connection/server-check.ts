/** Checks once, at start, that the Redis server is suitable. */
import type { Redis } from 'ioredis'
import { NotRetriable, Unavailable } from '../../pipeline/errors.ts'
import { checkpointKey, pauseKey } from '../keys.ts'
import { describeAddress, tlsHint } from './address.ts'
import type { RedisConnection } from './connection.ts'
import { codeOf, failureOf, isTlsCode } from './error-translation.ts'
import { masterClients } from './masters.ts'

/**
 * Checks version, eviction policy and mode of each master, and the rights of the user.
 *
 * @throws NotRetriable if waiting does not help; Unavailable if the server is away or loading
 */
export async function checkServer(connection: RedisConnection): Promise<void> {
  await connection.opened
  if (!connection.ready) throw startFailureOf(connection, connection.lastError)
  try {
    for (const master of masterClients(connection)) {
      checkFacts(connection, await readFacts(master))
    }
    await checkRights(connection)
  } catch (error) {
    throw startFailureOf(connection, error)
  }
}

/** `null`: the user may not ask for it. */
interface ServerFacts {
  readonly version: string | null
  readonly isCluster: boolean | null
  readonly policy: string | null
}

async function readFacts(master: Redis): Promise<ServerFacts> {
  const info = await unlessForbidden(() => master.info())
  const fact = (name: string) =>
    new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info ?? '')?.[1]?.trim() ?? null
  const policy =
    fact('maxmemory_policy') ??
    (
      (await unlessForbidden(() => master.config('GET', 'maxmemory-policy'))) as string[] | null
    )?.[1]
  const cluster = fact('cluster_enabled')
  return {
    version: fact('redis_version'),
    isCluster: cluster === null ? null : cluster === '1',
    policy: policy ?? null,
  }
}

async function unlessForbidden<Reply>(run: () => Promise<Reply>): Promise<Reply | null> {
  try {
    return await run()
  } catch (error) {
    const isForbidden =
      error instanceof Error && /NOPERM|unknown command|disabled/.test(error.message)
    if (isForbidden) return null
    throw error
  }
}

function checkFacts(
  connection: RedisConnection,
  { version, isCluster, policy }: ServerFacts,
): void {
  const redis = describeAddress(connection.address)
  if (version === null || policy === null) {
    connection.log.warn(
      { redis },
      'cannot check the version and the maxmemory-policy of Redis: the user may not run INFO or ' +
        'CONFIG GET. Make sure that the version is 6.2 or later and that the policy is noeviction',
    )
  }
  if (version !== null && !isSupported(version)) {
    throw notRetriable(
      `the Redis at ${redis} is version ${version}: use Redis or Valkey 6.2 or later`,
    )
  }
  if (policy?.startsWith('allkeys-')) {
    throw notRetriable(
      `the Redis at ${redis} would silently delete groups when it is full: its maxmemory-policy ` +
        `is ${policy}. Run CONFIG SET maxmemory-policy noeviction there, and set the same in its ` +
        'configuration file, or use another Redis.',
    )
  }
  if (isCluster === true && connection.address.mode !== 'cluster') throw isOneOfACluster(redis)
}

function isOneOfACluster(redis: string): NotRetriable {
  return notRetriable(`the Redis at ${redis} is a Cluster: use a URL with redis+cluster://…`)
}

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 6 || (major === 6 && minor >= 2)
}

async function checkRights({ client, settings, address }: RedisConnection): Promise<void> {
  // an id is never encoded to a lone %, so no group and no user has these keys
  const probe = () =>
    client.probeRights(
      `${settings.groupPrefix}{%}`,
      `${settings.userPrefix}{%}`,
      checkpointKey('%', '', 0),
      pauseKey('%', ''),
    )
  await probe() // the client sends EVAL at first
  const missing = await probe() // and EVALSHA from then on; both need a right
  if (missing.length > 0) throw lackOfRights(describeAddress(address), settings, missing)
}

function lackOfRights(
  redis: string,
  { groupPrefix, userPrefix }: RedisConnection['settings'],
  missing: readonly string[],
): NotRetriable {
  return notRetriable(
    `the user lacks rights at the Redis at ${redis}: ${missing.join(', ')}. Run there: ` +
      `ACL SETUSER <user> ~${groupPrefix}* ~${userPrefix}* ~group-traits:* +@hash +@sortedset +@scripting ` +
      '+@connection +exists +type +info +config|get +cluster',
  )
}

/**
 * Returns what to throw for a failure at start, or of a command of the CLI. There some failures are
 * `NotRetriable` that are an outage once a worker runs: a wrong password, say.
 *
 * @param error `null`: the first attempt to connect has not ended yet
 */
export function startFailureOf(connection: RedisConnection, error: unknown): unknown {
  const redis = describeAddress(connection.address)
  if (error === null) {
    const hint = tlsHint(connection.address)
    return new Unavailable('redis', `the Redis at ${redis} does not answer: ${hint}`)
  }
  if (!(error instanceof Error) || error instanceof NotRetriable) return error
  const code = codeOf(error) ?? ''
  const message = error.message
  if (code === 'MOVED' && connection.address.mode !== 'cluster') return isOneOfACluster(redis)
  if (code === 'NOAUTH') {
    return notRetriable(
      `the Redis at ${redis} asks for a password: use a URL with redis://USER:PASSWORD@… (NOAUTH)`,
    )
  }
  if (code === 'WRONGPASS' || /invalid password/.test(message)) {
    return notRetriable(
      `the Redis at ${redis} refuses the user or the password: correct them in its URL (WRONGPASS)`,
    )
  }
  if (code === 'NOPERM') return lackOfRights(redis, connection.settings, [rightDeniedBy(message)])
  if (/DB index is out of range/.test(message)) {
    return notRetriable(`the Redis at ${redis} has no such database: correct its number in the URL`)
  }
  if (isClusterSupportDisabled(error)) {
    return notRetriable(`the Redis at ${redis} is not a Cluster: use a URL with redis://…`)
  }
  if (isTlsCode(code)) {
    return notRetriable(
      `TLS with the Redis at ${redis} fails (${code}): use a host name that its certificate names, ` +
        'trust its authority with NODE_EXTRA_CA_CERTS, or use redis:// if that port has no TLS',
    )
  }
  return failureOf(error, connection.lastError)
}

function isClusterSupportDisabled(error: Error): boolean {
  const nested = (error as { lastNodeError?: unknown }).lastNodeError
  return /cluster support disabled/.test(
    `${error.message} ${nested instanceof Error ? nested.message : ''}`,
  )
}

function rightDeniedBy(message: string): string {
  return /'([\w|-]+)'/.exec(message)?.[1] ?? 'access to its keys'
}

function notRetriable(message: string): NotRetriable {
  return new NotRetriable('redis', message)
}
