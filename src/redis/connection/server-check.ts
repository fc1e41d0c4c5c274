/** Whether the server at the other end will do: asked once, at start. */
import { Cluster, type Redis } from 'ioredis'
import { NotRetriable, Unavailable } from '../../pipeline/errors.ts'
import { checkpointKey, pauseKey } from '../keys.ts'
import { describeAddress, tlsHint } from './address.ts'
import type { RedisConnection } from './connection.ts'
import { codeOf, failureOf, isTlsCode } from './failure.ts'

/**
 * Checks version, eviction policy, mode and rights of the server, or of each master.
 *
 * @throws NotRetriable where waiting would not help; Unavailable where the server is away or loading
 */
export async function checkServer(connection: RedisConnection): Promise<void> {
  await connection.opened
  if (!connection.ready) throw startFailureOf(connection, connection.lastError)
  try {
    for (const node of nodesOf(connection)) checkFacts(connection, await readFacts(node))
    await checkRights(connection)
  } catch (error) {
    throw startFailureOf(connection, error)
  }
}

interface ServerFacts {
  readonly version: string | null
  readonly isCluster: boolean | null
  readonly policy: string | null
}

function nodesOf({ client }: RedisConnection): Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client as Redis]
}

/** `null` stands for what the server does not let us ask. */
async function readFacts(node: Redis): Promise<ServerFacts> {
  const info = await unlessForbidden(() => node.info())
  const fact = (name: string) =>
    new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info ?? '')?.[1]?.trim() ?? null
  const policy =
    fact('maxmemory_policy') ??
    ((await unlessForbidden(() => node.config('GET', 'maxmemory-policy'))) as string[] | null)?.[1]
  const cluster = fact('cluster_enabled')
  return {
    version: fact('redis_version'),
    isCluster: cluster === null ? null : cluster === '1',
    policy: policy ?? null,
  }
}

async function unlessForbidden<Reply>(ask: () => Promise<Reply>): Promise<Reply | null> {
  try {
    return await ask()
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
      'Redis does not say its version or its maxmemory-policy (INFO, CONFIG GET): ' +
        'make sure that it is 6.2 or later and that the policy is noeviction',
    )
  }
  if (version !== null && !isSupported(version)) {
    throw refused(`the Redis at ${redis} is version ${version}: use Redis or Valkey 6.2 or later`)
  }
  if (policy?.startsWith('allkeys-')) {
    throw refused(
      `the Redis at ${redis} would silently delete groups once it is full: its maxmemory-policy ` +
        `is ${policy}. Run CONFIG SET maxmemory-policy noeviction there, and set it in its ` +
        'configuration, or use another Redis.',
    )
  }
  if (isCluster === true && connection.address.mode !== 'cluster') throw isOneOfACluster(redis)
}

function isOneOfACluster(redis: string): NotRetriable {
  return refused(`the Redis at ${redis} is a Cluster: write redis+cluster://… in its URL`)
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
  await probe() // is sent as EVAL,
  const missing = await probe() // and now as EVALSHA
  if (missing.length > 0) throw lackOfRights(describeAddress(address), settings, missing)
}

function lackOfRights(
  redis: string,
  { groupPrefix, userPrefix }: RedisConnection['settings'],
  missing: readonly string[],
): NotRetriable {
  return refused(
    `the user has not all rights at the Redis at ${redis}: it lacks ${missing.join(', ')}. Run there: ` +
      `ACL SETUSER <user> ~${groupPrefix}* ~${userPrefix}* ~group-traits:* +@hash +@sortedset +@scripting ` +
      '+@connection +exists +type +info +config|get +cluster',
  )
}

/**
 * What to throw for a failure at start, or at a single question: some that are waited out later
 * are refused here.
 */
export function startFailureOf(connection: RedisConnection, error: unknown): unknown {
  const redis = describeAddress(connection.address)
  if (error === null) {
    const hint = tlsHint(connection.address)
    return new Unavailable('redis', `no connection to the Redis at ${redis} yet: ${hint}`)
  }
  if (!(error instanceof Error) || error instanceof NotRetriable) return error
  const code = codeOf(error) ?? ''
  const message = error.message
  if (code === 'MOVED' && connection.address.mode !== 'cluster') return isOneOfACluster(redis)
  if (code === 'NOAUTH') {
    return refused(`the Redis at ${redis} asks for a password: redis://USER:PASSWORD@… (NOAUTH)`)
  }
  if (code === 'WRONGPASS' || /invalid password/.test(message)) {
    return refused(`the Redis at ${redis} refuses the user or the password (WRONGPASS)`)
  }
  if (code === 'NOPERM') return lackOfRights(redis, connection.settings, [forbiddenBy(message)])
  if (/DB index is out of range/.test(message)) {
    return refused(`the Redis at ${redis} has no such database: mend the number in its URL`)
  }
  if (isClusterSupportDisabled(error)) {
    return refused(`the Redis at ${redis} is no Cluster: write redis://… in its URL`)
  }
  if (isTlsCode(code)) {
    return refused(
      `TLS with the Redis at ${redis} fails (${code}): name a server that the certificate is made ` +
        'out to, trust its authority with NODE_EXTRA_CA_CERTS, or use redis:// where it has no TLS',
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

function forbiddenBy(message: string): string {
  return /'([\w|-]+)'/.exec(message)?.[1] ?? 'access to its keys'
}

function refused(message: string): NotRetriable {
  return new NotRetriable('redis', message)
}
