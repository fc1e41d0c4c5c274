/** Whether a user is a member of a group, as of a time. */
export interface Membership {
  /** Event time in microseconds since 1970. */
  readonly clock: number
  /** False: the user left, which is remembered so that no older event makes the user a member. */
  readonly member: boolean
}

/**
 * The memberships of one group, by user id.
 *
 * Shape in memory: in a batch most groups have events of one user only. That user is kept in three
 * fields (`#onlyId`, `#clock`, `#member`), without a map. A second user moves everything into the
 * map `#each`. Either the fields or the map hold the content, never both.
 */
export class Memberships implements Iterable<[string, Membership]> {
  #onlyId: string | undefined
  #clock = 0
  #member = false
  #each: Map<string, Membership> | undefined

  constructor(entries: Iterable<readonly [string, Membership]> = NONE) {
    for (const [userId, membership] of entries) this.set(userId, membership)
  }

  get size(): number {
    return this.#each?.size ?? (this.#onlyId === undefined ? 0 : 1)
  }

  get(userId: string): Membership | undefined {
    if (this.#each !== undefined) return this.#each.get(userId)
    return this.#onlyId === userId ? { clock: this.#clock, member: this.#member } : undefined
  }

  keys(): Iterable<string> {
    return this.#each?.keys() ?? (this.#onlyId === undefined ? NONE : [this.#onlyId])
  }

  *[Symbol.iterator](): Generator<[string, Membership]> {
    if (this.#each !== undefined) yield* this.#each
    const [clock, member] = [this.#clock, this.#member]
    if (this.#onlyId !== undefined) yield [this.#onlyId, { clock, member }]
  }

  /** Visits the same users as iterating does, without creating an object for each. */
  forEach(visit: (userId: string, clock: number, member: boolean) => void): void {
    if (this.#onlyId !== undefined) visit(this.#onlyId, this.#clock, this.#member)
    this.#each?.forEach(({ clock, member }, userId) => {
      visit(userId, clock, member)
    })
  }

  set(userId: string, { clock, member }: Membership): void {
    this.#put(userId, clock, member)
  }

  delete(userId: string): void {
    this.#map().delete(userId)
  }

  /** Merges one membership: the later clock wins; at equal clocks "member" wins over "left". */
  merge(userId: string, clock: number, member: boolean): void {
    if (this.#onlyId === userId) {
      if (wins(clock, member, this.#clock, this.#member)) this.#put(userId, clock, member)
      return
    }
    const current = this.#each?.get(userId)
    if (current === undefined || wins(clock, member, current.clock, current.member)) {
      this.#put(userId, clock, member)
    }
  }

  /** Deletes every membership with a clock at or before `upTo`. */
  erase(upTo: number): void {
    for (const [userId, { clock }] of this.#map()) if (clock <= upTo) this.delete(userId)
  }

  #put(userId: string, clock: number, member: boolean): void {
    const isOnly = this.#onlyId === undefined || this.#onlyId === userId
    if (this.#each === undefined && isOnly) {
      this.#onlyId = userId
      this.#clock = clock
      this.#member = member
    } else {
      this.#map().set(userId, { clock, member })
    }
  }

  /** Returns the map, and moves the only user into it first if there is no map yet. */
  #map(): Map<string, Membership> {
    if (this.#each === undefined) {
      this.#each = new Map(this)
      this.#onlyId = undefined
    }
    return this.#each
  }
}

function wins(clock: number, member: boolean, over: number, overMember: boolean): boolean {
  return clock > over || (clock === over && member && !overMember)
}

const NONE: readonly never[] = []
