/**
 * A key that one process holds for as long as it lives: taken → held → given back, or lost.
 * It expires soon after its owner is gone, or is frozen; the owner then notices before it
 * goes on.
 */
import type { RedisConnection } from '../connection/connection.ts'
import { failureOf } from '../connection/failure.ts'

export interface LockOptions {
  readonly key: string
  /** Tells this owner from all others. */
  readonly token: string
  /** How long the key outlives its owner, in milliseconds. */
  readonly ttlMs: number
  /** Milliseconds from any fixed moment. */
  readonly elapsed: () => number
}

/** @throws Unavailable; `undefined` where another process holds it */
export async function acquireLock(
  connection: RedisConnection,
  terms: LockOptions,
): Promise<RedisLock | undefined> {
  const { key, token, ttlMs, elapsed } = terms
  const askedMs = elapsed()
  await connection.opened
  try {
    const taken = await connection.client.set(key, token, 'PX', ttlMs, 'NX')
    // an earlier attempt may have been executed, though its answer did not come
    if (taken === null && (await connection.client.get(key)) !== token) return undefined
  } catch (error) {
    throw failureOf(error, connection.lastError)
  }
  return new RedisLock(connection, terms, askedMs)
}

/** The key is not ours any more: what it guarded may have changed. */
export class LockLost extends Error {
  override readonly name = 'LockLost'
}

export class RedisLock {
  readonly terms: LockOptions
  private readonly connection: RedisConnection
  private readonly timer: NodeJS.Timeout
  private renewedMs: number
  private renewing: Promise<void> = Promise.resolve()
  private isLost = false

  /** @param renewedMs when the key was asked for, at the latest */
  constructor(connection: RedisConnection, terms: LockOptions, renewedMs: number) {
    this.connection = connection
    this.terms = terms
    this.renewedMs = renewedMs
    this.timer = setInterval(() => {
      // where Redis is away: tried again soon, and `assertHeld` looks at the time
      this.renewing = this.renew().catch(() => {})
    }, terms.ttlMs / RENEWALS)
  }

  /**
   * By our own clock, with a margin for what is on its way to Redis.
   *
   * @throws LockLost
   */
  assertHeld(): void {
    const { key, ttlMs, elapsed } = this.terms
    if (elapsed() - this.renewedMs > ttlMs / 2) this.isLost = true
    if (this.isLost) throw new LockLost(`${key} is not held any more`)
  }

  /**
   * Asks Redis itself: it may have lost the key, and with it what else was written.
   *
   * @throws LockLost; Unavailable
   */
  async confirm(): Promise<void> {
    try {
      await this.renew()
    } catch (error) {
      throw failureOf(error, this.connection.lastError)
    }
    this.assertHeld()
  }

  /** Gives the key back, where it is still ours; if it cannot, the key expires by itself. */
  async release(): Promise<void> {
    clearInterval(this.timer)
    await this.renewing
    if (this.isLost) return
    this.isLost = true
    await this.extend(0).catch(() => {}) // expires
  }

  /** Renews the key no more: it stands until it expires. */
  leave(): void {
    clearInterval(this.timer)
    this.isLost = true
  }

  private async renew(): Promise<void> {
    const askedMs = this.terms.elapsed()
    if (await this.extend(this.terms.ttlMs)) this.renewedMs = askedMs
    else this.isLost = true
  }

  private async extend(ttlMs: number): Promise<boolean> {
    const { key, token } = this.terms
    return (await this.connection.client.extendLock(key, token, ttlMs)) === 1
  }
}

/** How often it is renewed within its time to live. */
const RENEWALS = 8
