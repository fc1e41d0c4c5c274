/**
 * A lock in Redis: a key that holds the token of its owner and expires unless it is renewed.
 *
 *     acquired → held → released
 *                     → left to expire (`stopRenewing`)
 *                     → lost: the key expired, has another token, or was not renewed in time
 *
 * A timer renews the key while the process lives. If the process dies or is frozen, the key
 * expires; a frozen process finds that out before it goes on, by `assertHeld`.
 */
import type { RedisConnection } from '../connection/connection.ts'
import { failureOf } from '../connection/error-translation.ts'

export interface LockOptions {
  readonly key: string
  /** Unique to this owner. */
  readonly token: string
  /** How long the key outlives its owner, in milliseconds. */
  readonly ttlMs: number
  /** A monotonic clock, in milliseconds. */
  readonly elapsed: () => number
}

/**
 * Acquires the lock; `undefined` if another process holds it.
 *
 * @throws Unavailable
 */
export async function acquireLock(
  connection: RedisConnection,
  options: LockOptions,
): Promise<RedisLock | undefined> {
  const { key, token, ttlMs, elapsed } = options
  const sentMs = elapsed()
  await connection.opened
  try {
    const outcome = await connection.client.set(key, token, 'PX', ttlMs, 'NX')
    // Redis may have executed an earlier attempt whose reply was lost
    if (outcome === null && (await connection.client.get(key)) !== token) return undefined
  } catch (error) {
    throw failureOf(error, connection.lastError)
  }
  return new RedisLock(connection, options, sentMs)
}

/** The lock is not ours any more: what it protects may have changed. */
export class LockLost extends Error {
  override readonly name = 'LockLost'
}

export class RedisLock {
  readonly options: LockOptions
  private readonly connection: RedisConnection
  private readonly timer: NodeJS.Timeout
  private renewedMs: number
  private renewing: Promise<void> = Promise.resolve()
  private isLost = false

  /** @param renewedMs when the command that set the key was sent, by `elapsed` */
  constructor(connection: RedisConnection, options: LockOptions, renewedMs: number) {
    this.connection = connection
    this.options = options
    this.renewedMs = renewedMs
    this.timer = setInterval(() => {
      // while Redis is away the next tick tries again, and `assertHeld` checks the time
      this.renewing = this.renew().catch(() => {})
    }, options.ttlMs / RENEWALS_PER_TTL)
  }

  /**
   * Checks by our own clock that the key cannot have expired. Half of its time to live is kept as
   * a margin for commands that are on their way to Redis.
   *
   * @throws LockLost
   */
  assertHeld(): void {
    const { key, ttlMs, elapsed } = this.options
    if (elapsed() - this.renewedMs > ttlMs / 2) this.isLost = true
    if (this.isLost) throw new LockLost(`${key} is not held any more`)
  }

  /**
   * Checks in Redis that the key is still ours. If Redis lost it, other writes may be lost as well.
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

  /** Deletes the key if it is still ours; if Redis is away, the key expires by itself. */
  async release(): Promise<void> {
    clearInterval(this.timer)
    await this.renewing
    if (this.isLost) return
    this.isLost = true
    await this.extend(0).catch(() => {}) // it expires by itself
  }

  /** Leaves the key to expire by itself: until then nobody else can take it. */
  stopRenewing(): void {
    clearInterval(this.timer)
    this.isLost = true
  }

  private async renew(): Promise<void> {
    const sentMs = this.options.elapsed()
    if (await this.extend(this.options.ttlMs)) this.renewedMs = sentMs
    else this.isLost = true
  }

  private async extend(ttlMs: number): Promise<boolean> {
    const { key, token } = this.options
    return (await this.connection.client.extendLock(key, token, ttlMs)) === 1
  }
}

/** How often the key is renewed within its time to live. */
const RENEWALS_PER_TTL = 8
