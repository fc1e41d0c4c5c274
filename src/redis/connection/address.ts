/** Where Redis is, as the URL in the configuration says it. */

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

/** What is accepted, for messages. */
export const REDIS_URL_FORMS =
  'redis://[USER:PASSWORD@]HOST[:PORT][/DB], redis+sentinel://[USER:PASSWORD@]HOST:PORT,…/MASTER[/DB] ' +
  'or redis+cluster://[USER:PASSWORD@]HOST:PORT,…; rediss… instead of redis… for TLS'

const URL_FORM =
  /^(?<scheme>rediss?)(?:\+(?<mode>sentinel|cluster))?:\/\/(?:(?<login>[^/?#]*)@)?(?<hosts>[^/?#@]+)(?<path>\/[^?#]*)?$/
const ENDPOINT_FORM = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[^:\s[\]]+))(?::(?<port>\d{1,5}))?$/

/** @throws Error that says what is accepted; the URL itself, with its password, is not told */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = URL_FORM.exec(url)?.groups
  if (parts === undefined) {
    throw new Error(
      `the URL of Redis is not understood: it must be ${REDIS_URL_FORMS}. ` +
        'In user and password, percent-encode what is special in URLs.',
    )
  }
  const login = { ...parseLogin(parts.login), tls: parts.scheme === 'rediss' }
  const [first, second, ...rest] = (parts.path ?? '').split('/').filter((part) => part !== '')
  const endpoints = (defaultPort: number) =>
    (parts.hosts ?? '').split(',').map((text) => parseEndpoint(text, defaultPort))

  switch (parts.mode) {
    case 'sentinel': {
      if (first === undefined || rest.length > 0) {
        throw new Error('the URL of Redis must name the master behind the sentinels: …/MASTER')
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
      if (first !== undefined) throw new Error('a Redis Cluster has no databases: drop the path')
      return { mode: 'cluster', endpoints: endpoints(6379), ...login }
    default: {
      const [endpoint, another] = endpoints(6379)
      if (endpoint === undefined || another !== undefined || second !== undefined) {
        throw new Error(
          `the URL of Redis names several servers or paths: it must be ${REDIS_URL_FORMS}`,
        )
      }
      return { mode: 'standalone', endpoint, db: parseDb(first), ...login }
    }
  }
}

/** For people: where it is, without user and password. */
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

/** What to look at where a server that is there does not get on with us from the start. */
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
    throw new Error('the URL of Redis has a user without a password: USER:PASSWORD@ or :PASSWORD@')
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
    throw new Error(`the URL of Redis has a server that is not HOST:PORT: ${REDIS_URL_FORMS}`)
  }
  return { host, port }
}

function parseDb(text: string | undefined): number {
  if (text === undefined) return 0
  if (!/^\d{1,5}$/.test(text)) throw new Error('the database of Redis must be a number: …/DB')
  return Number(text)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new Error('the URL of Redis has a % that begins no percent-encoding', { cause })
  }
}
