import type { RedisAddress } from './address.ts'

/** What to look at where a server that is there does not get on with us from the start. */
export function tlsHint({ tls }: RedisAddress): string {
  return tls
    ? 'does that port speak TLS? If not, its URL begins with redis…'
    : 'that port may want TLS: then its URL begins with rediss…'
}
