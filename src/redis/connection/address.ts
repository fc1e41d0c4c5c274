/** Parses the URL of Redis: where it is, how to log in, and whether to use TLS. */

export interface Endpoint {
  readonly host: string
  readonly port: number
}

interface Login {
  readonly username?: string
  readonly password?: string
  readonly tls: boolean
}

export type RedisAddress = Login &
  (
    | { readonly mode: 'standalone'; readonly endpoint: Endpoint; readonly db: number }
    | {
        readonly mode: 'sentinel'
        readonly endpoints: readonly Endpoint[]
        readonly master: string
        readonly db: number
      }
    | { readonly mode: 'cluster'; readonly endpoints: readonly Endpoint[] }
  )

/** The accepted forms of the URL, for messages. */
export const REDIS_URL_FORMS =
  'redis://[USER:PASSWORD@]HOST[:PORT][/DB], redis+sentinel://[USER:PASSWORD@]HOST:PORT,…/MASTER[/DB] ' +
  'or redis+cluster://[USER:PASSWORD@]HOST:PORT,…; rediss… instead of redis… for TLS'

const URL_FORM =
  /^(?<scheme>rediss?)(?:\+(?<mode>sentinel|cluster))?:\/\/(?:(?<login>[^/?#]*)@)?(?<hosts>[^/?#@]+)(?<path>\/[^?#]*)?$/
const ENDPOINT_FORM = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[^:\s[\]]+))(?::(?<port>\d{1,5}))?$/

/** @throws Error that names the accepted forms, but not the URL: it may hold a password */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = URL_FORM.exec(url)?.groups
  if (parts === undefined) {
    throw new Error(
      `the URL of Redis has none of the accepted forms: use ${REDIS_URL_FORMS}. ` +
        'Percent-encode special characters in user and password.',
    )
  }
  const login = { ...parseLogin(parts.login), tls: parts.scheme === 'rediss' }
  const [first, second, ...rest] = (parts.path ?? '').split('/').filter((part) => part !== '')
  const endpoints = (defaultPort: number) =>
    (parts.hosts ?? '').split(',').map((text) => parseEndpoint(text, defaultPort))

  switch (parts.mode) {
    case 'sentinel': {
      if (first === undefined || rest.length > 0) {
        throw new Error('the URL of Redis must name the master that the Sentinels watch: …/MASTER')
      }
      const master = decode(first)
      return {
        mode: 'sentinel',
        endpoints: endpoints(26379),
        master,
        db: parseDb(second),
        ...login,
      }
    }
    case 'cluster':
      if (first !== undefined)
        throw new Error('the URL of a Redis Cluster must not have a path: it has one database')
      return { mode: 'cluster', endpoints: endpoints(6379), ...login }
    default: {
      const [endpoint, another] = endpoints(6379)
      if (endpoint === undefined || another !== undefined || second !== undefined) {
        throw new Error(
          `the URL of Redis names several servers, or more than a database: use ${REDIS_URL_FORMS}`,
        )
      }
      return { mode: 'standalone', endpoint, db: parseDb(first), ...login }
    }
  }
}

/** Describes the address for people, without user and password. */
export function describeAddress(address: RedisAddress): string {
  switch (address.mode) {
    case 'standalone':
      return hostAndPort(address.endpoint)
    case 'sentinel':
      return `${address.master} of sentinels ${address.endpoints.map(hostAndPort).join(', ')}`
    case 'cluster':
      return `cluster ${address.endpoints.map(hostAndPort).join(', ')}`
    default:
      return address satisfies never
  }
}

/** What to check if a server accepts the connection, but has never answered on it. */
export function tlsHint({ tls }: RedisAddress): string {
  return tls
    ? 'does that port speak TLS? If not, its URL begins with redis…'
    : 'that port may want TLS: then its URL begins with rediss…'
}

function hostAndPort({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function parseLogin(text: string | undefined): { username?: string; password?: string } {
  if (text === undefined || text === '') return {}
  const colon = text.indexOf(':')
  if (colon < 0) {
    throw new Error(
      'the URL of Redis has a user without a password: use USER:PASSWORD@ or :PASSWORD@',
    )
  }
  const username = decode(text.slice(0, colon))
  const password = decode(text.slice(colon + 1))
  return username === '' ? { password } : { username, password }
}

function parseEndpoint(text: string, defaultPort: number): Endpoint {
  const parts = ENDPOINT_FORM.exec(text)?.groups
  const host = parts?.v6 ?? parts?.name
  const port = Number(parts?.port ?? defaultPort)
  if (host === undefined || port < 1 || port > 65535) {
    throw new Error(`the URL of Redis has a server that is not HOST[:PORT]: use ${REDIS_URL_FORMS}`)
  }
  return { host, port }
}

function parseDb(text: string | undefined): number {
  if (text === undefined) return 0
  if (!/^\d{1,5}$/.test(text))
    throw new Error('the URL of Redis has a database that is not a number: use …/DB')
  return Number(text)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new Error('the URL of Redis has a % that is not part of a percent-encoding: use %25', {
      cause,
    })
  }
}
