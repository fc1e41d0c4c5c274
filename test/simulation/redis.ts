/**
 * Models Redis: masters that keep a log of their writes, in order. A loss removes the latest
 * writes of a log.
 *
 * Left out: hash slots (each group has a fixed master), memory, replicas (a failover starts a
 * master with a shorter log).
 */
import { emptyState, type GroupState, mergeState } from '../../src/domain/merge/merge.ts'
import { Unavailable } from '../../src/pipeline/errors.ts'
import type { StateConflict } from '../../src/pipeline/ports.ts'

export type Write =
  | { readonly kind: 'patch'; readonly patch: GroupState }
  | { readonly kind: 'checkpoint'; readonly partition: number; readonly next: bigint }
  | { readonly kind: 'wrong type'; readonly groupId: string; readonly exists: boolean }

/** One server process. A restart with losses or a failover puts another one in its place. */
export class Master {
  readonly log: Write[] = []
  readonly groups = new Map<string, GroupState>()
  readonly checkpoints = new Map<number, bigint>()
  /** Groups whose key has a wrong type. */
  readonly wrongTypes = new Set<string>()
  /** If set, it answers every command with this error. */
  errorReply: string | undefined
  isDown = false
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
      case 'wrong type':
        if (write.exists) this.wrongTypes.add(write.groupId)
        else this.wrongTypes.delete(write.groupId)
        return
      default:
        write satisfies never
    }
  }

  /** One call of the script: merges all patches except those of groups with a wrong type. */
  merge(patches: readonly GroupState[]): StateConflict[] {
    const conflicts: StateConflict[] = []
    for (const patch of patches) {
      const { groupId } = patch
      if (this.wrongTypes.has(groupId))
        conflicts.push({ groupId, message: 'a key of a wrong type' })
      else this.write({ kind: 'patch', patch })
    }
    return conflicts
  }

  /** Deletes everything; the connections stay. */
  flush(): void {
    this.log.length = 0
    this.groups.clear()
    this.checkpoints.clear()
    this.wrongTypes.clear()
  }
}

export interface CheckpointSet {
  readonly master: Master
  readonly partition: number
  readonly next: bigint
  /** The former checkpoint in this master; undefined: none. */
  readonly before: bigint | undefined
  /** Whether the sender no longer waits for the reply. */
  readonly isAbandoned: boolean
  /** What `onCheckpointSent` returned. */
  readonly topicId: number
}

export class Redis {
  readonly masters: Master[]
  private readonly slowMaster: number | undefined
  /** Called for each checkpoint that a worker sends; returns the id of the topic it is about. */
  onCheckpointSent: (partition: number, writer: string) => number = () => 0
  /** Called for each checkpoint that was written. */
  onCheckpoint: (set: CheckpointSet) => void = () => {}

  /** @param slowMaster the index of the master that answers more slowly */
  constructor(masters: number, slowMaster?: number) {
    this.slowMaster = slowMaster
    this.masters = Array.from({ length: masters }, (_, index) => new Master(index))
  }

  /** The extra latency of requests to this master. */
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
   * Replaces a master by one that lacks the last `lost` writes.
   *
   * @returns the former one; workers that are still connected to it may go on using it
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
