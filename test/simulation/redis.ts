/**
 * Redis: masters whose writes stand in a log in the order in which they came. What loses writes
 * loses the end of that log.
 */
import { emptyState, type GroupState, mergeState } from '../../src/domain/merge/merge.ts'
import { Unavailable } from '../../src/pipeline/errors.ts'
import type { StateConflict } from '../../src/pipeline/ports.ts'

export type Write =
  | { readonly kind: 'patch'; readonly patch: GroupState }
  | { readonly kind: 'checkpoint'; readonly partition: number; readonly next: bigint }
  | { readonly kind: 'foreign'; readonly groupId: string; readonly isThere: boolean }

/** One server, from its start or its failover to the next. */
export class Master {
  readonly log: Write[] = []
  readonly groups = new Map<string, GroupState>()
  readonly checkpoints = new Map<number, bigint>()
  /** Groups at whose name something else stands. */
  readonly foreign = new Set<string>()
  /** What it answers instead of doing anything, if so. */
  refusal: string | undefined
  isAway = false
  readonly index: number

  constructor(index: number, log: readonly Write[] = []) {
    this.index = index
    for (const write of log) this.write(write)
  }

  write(write: Write): void {
    this.log.push(write)
    switch (write.kind) {
      case 'patch': {
        const { patch } = write
        const state = this.groups.get(patch.groupId) ?? emptyState(patch.groupId)
        mergeState(state, patch)
        this.groups.set(patch.groupId, state)
        return
      }
      case 'checkpoint':
        this.checkpoints.set(write.partition, write.next)
        return
      case 'foreign':
        if (write.isThere) this.foreign.add(write.groupId)
        else this.foreign.delete(write.groupId)
        return
      default:
        write satisfies never
    }
  }

  /** One call of the script: whole or, as far as there are conflicts, not at all. */
  merge(patches: readonly GroupState[]): StateConflict[] {
    const conflicts: StateConflict[] = []
    for (const patch of patches) {
      const { groupId } = patch
      if (this.foreign.has(groupId)) conflicts.push({ groupId, message: 'a foreign key' })
      else this.write({ kind: 'patch', patch })
    }
    return conflicts
  }

  /** Loses all writes at once, while its connections stay. */
  flush(): void {
    this.log.length = 0
    this.groups.clear()
    this.checkpoints.clear()
    this.foreign.clear()
  }
}

export interface CheckpointSet {
  readonly master: Master
  readonly partition: number
  readonly next: bigint
  /** Of this master; undefined: none. */
  readonly before: bigint | undefined
  /** Whether whoever sent it does not wait for the answer any more. */
  readonly isAbandoned: boolean
  /** What `onCheckpointSent` gave. */
  readonly incarnation: number
}

export class Redis {
  readonly masters: Master[]
  private readonly slowMaster: number | undefined
  /** Told of each checkpoint that a worker sends, and returns which topic it is about. */
  onCheckpointSent: (partition: number, writer: string) => number = () => 0
  /** Told of each checkpoint that was set. */
  onCheckpoint: (set: CheckpointSet) => void = () => {}

  /** @param slowMaster the index of one that takes longer */
  constructor(masters: number, slowMaster?: number) {
    this.slowMaster = slowMaster
    this.masters = Array.from({ length: masters }, (_, index) => new Master(index))
  }

  /** What a request to it takes longer. */
  slownessMs(index: number): number {
    return index === this.slowMaster ? 50 : 0
  }

  masterOf(groupId: string): number {
    return groupId.charCodeAt(groupId.length - 1) % this.masters.length
  }

  stateOf(groupId: string): GroupState | undefined {
    return this.masters[this.masterOf(groupId)]?.groups.get(groupId)
  }

  /**
   * Puts another server in its place, which has all but the last `lost` writes.
   *
   * @returns the one before, which may go on for whoever is still connected to it
   */
  replace(index: number, lost: number): Master {
    const before = this.master(index)
    this.masters[index] = new Master(index, before.log.slice(0, before.log.length - lost))
    return before
  }

  master(index: number): Master {
    const master = this.masters[index]
    if (master === undefined) throw new Error(`there is no master ${index}`)
    return master
  }
}

export function unavailable(why: string): Unavailable {
  return new Unavailable('redis', why)
}
