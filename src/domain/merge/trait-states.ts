import { areSameNames, type EventTraits } from '../event/event-traits.ts'
import { compareStored, type StoredValue } from '../json/stored-value.ts'

/** The value of a trait, as of a time. */
export interface TraitState {
  /** Event time in microseconds since 1970. */
  readonly clock: number
  /** `null`: removed, which is remembered so that no older event brings the trait back. */
  readonly value: StoredValue | null
}

/**
 * The traits of one group, by name.
 *
 * Shape in memory: most producers send the same traits in every event. As long as they do, the
 * latest event decides every trait, so only that event is kept (`#latest`, all as of `#clock`).
 * The first event with other traits, or with an equal clock, moves everything into the map
 * `#each`, in which each trait has its own clock. Either `#latest` or `#each` holds the content,
 * never both. Compared with a map from the start, folding takes a third of the time and a batch a
 * third of the memory.
 */
export class TraitStates implements Iterable<[string, TraitState]> {
  /** Undefined once there is a map. */
  #latest: EventTraits | undefined
  #clock = 0
  #each: Map<string, Mutable<TraitState>> | undefined

  constructor(entries: Iterable<readonly [string, TraitState]> = NONE) {
    for (const [name, state] of entries) this.set(name, state)
  }

  get size(): number {
    return this.#each?.size ?? this.#latest?.size ?? 0
  }

  /** All traits, if they have the same clock (`sharedClock`); undefined once there is a map. */
  get shared(): EventTraits | undefined {
    return this.#latest
  }

  get sharedClock(): number {
    return this.#clock
  }

  get(name: string): TraitState | undefined {
    const value = this.#latest?.get(name)
    return value === undefined ? this.#each?.get(name) : { clock: this.#clock, value }
  }

  keys(): Iterable<string> {
    return this.#each?.keys() ?? this.#latest?.names ?? []
  }

  *[Symbol.iterator](): Generator<[string, TraitState]> {
    if (this.#each !== undefined) yield* this.#each
    const clock = this.#clock
    for (const [name, value] of this.#latest ?? []) yield [name, { clock, value }]
  }

  set(name: string, { clock, value }: TraitState): void {
    this.#map().set(name, { clock, value })
  }

  delete(name: string): void {
    this.#map().delete(name)
  }

  /**
   * Merges the traits of an event. The same traits at a later clock replace the latest event; at
   * an earlier clock they lose, and nothing changes; anything else is merged trait by trait.
   */
  mergeEvent(event: EventTraits, clock: number): void {
    if (event.size === 0) return
    const latest = this.#latest
    const replaces =
      latest === undefined
        ? this.#each === undefined
        : clock > this.#clock && areSameNames(event.names, latest.names)
    if (replaces) {
      this.#latest = event
      this.#clock = clock
    } else if (
      latest === undefined ||
      clock === this.#clock ||
      !areSameNames(event.names, latest.names)
    ) {
      for (const [name, value] of event) this.merge(name, clock, value)
    }
  }

  /** Merges one trait: the later clock wins; at equal clocks the greater value wins. */
  merge(name: string, clock: number, value: StoredValue | null): void {
    const traits = this.#map()
    const current = traits.get(name)
    if (current === undefined) {
      traits.set(name, { clock, value })
    } else if (
      clock > current.clock ||
      (clock === current.clock && compareStored(value, current.value) > 0)
    ) {
      current.clock = clock
      current.value = value
    }
  }

  /** Deletes every trait with a clock at or before `upTo`. */
  erase(upTo: number): void {
    for (const [name, { clock }] of this.#map()) if (clock <= upTo) this.delete(name)
  }

  /** Returns the map, and moves the latest event into it first if there is no map yet. */
  #map(): Map<string, Mutable<TraitState>> {
    if (this.#each === undefined) {
      this.#each = new Map(this)
      this.#latest = undefined
    }
    return this.#each
  }
}

type Mutable<State> = { -readonly [Field in keyof State]: State[Field] }

const NONE: readonly never[] = []
