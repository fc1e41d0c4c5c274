/**
 * Models the group coordinator of Kafka. The group is stable or joining:
 *
 *     stable --(a member joins, leaves or expires; the topic is recreated)--> joining
 *     joining --(all members have joined, or the rebalance times out)--> stable, next generation
 *
 * Members learn of a rebalance from their heartbeats. A member that does not rejoin in time is
 * removed. It does not notice, and its later heartbeats and commits are answered with an error.
 *
 * Left out: SyncGroup (the assignment comes with the join), several coordinators.
 */
import type { Reply } from './network.ts'
import type { Scheduler, Timer } from './scheduler.ts'

export const SESSION_TIMEOUT_MS = 10_000
const REBALANCE_TIMEOUT_MS = 20_000

export interface Commit {
  readonly offset: number
  /** Null if no worker made this commit. */
  readonly metadata: string | null
}

export interface Membership {
  readonly memberId: string
  readonly generation: number
  readonly partitions: readonly number[]
}

interface Member {
  readonly id: string
  readonly partitions: number[]
  session: Timer
  /** Set while it waits for the other members to join. */
  joining: Reply<Membership> | undefined
}

/** The broker's name for the error. */
export type GroupError = 'UNKNOWN_MEMBER_ID' | 'ILLEGAL_GENERATION' | 'REBALANCE_IN_PROGRESS'

export class Coordinator {
  readonly commits = new Map<number, Commit>()
  /** Called when a member did not heartbeat in time. */
  onExpired: () => void = () => {}
  /** Called for each commit of a worker, before it is stored. */
  onCommit: (partition: number, commit: Commit) => void = () => {}
  private readonly scheduler: Scheduler
  private readonly partitionCount: number
  private readonly fail: (type: GroupError) => Error
  private generation = 0
  private isJoining = false
  private rebalance: Timer | undefined
  private readonly members = new Map<string, Member>()
  private membersEver = 0

  constructor(scheduler: Scheduler, partitionCount: number, fail: (type: GroupError) => Error) {
    this.scheduler = scheduler
    this.partitionCount = partitionCount
    this.fail = fail
  }

  join(memberId: string | undefined, reply: Reply<Membership>): void {
    const known = memberId === undefined ? undefined : this.members.get(memberId)
    if (memberId !== undefined && known === undefined) {
      reply({ error: this.fail('UNKNOWN_MEMBER_ID') })
      return
    }
    if (known !== undefined && !this.isJoining && !this.isLeader(known)) {
      this.extend(known)
      reply({ value: this.membershipOf(known) })
      return
    }
    const member = known ?? this.newMember()
    member.session.isCancelled = true
    member.joining = reply
    this.beginRebalance()
    this.endIfAllJoined()
  }

  leave(memberId: string): void {
    if (this.members.has(memberId)) this.remove(memberId)
  }

  heartbeat(memberId: string, generation: number): GroupError | undefined {
    const member = this.members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    if (generation !== this.generation) return 'ILLEGAL_GENERATION'
    this.extend(member)
    return this.isJoining ? 'REBALANCE_IN_PROGRESS' : undefined
  }

  commit(
    memberId: string,
    generation: number,
    commits: ReadonlyMap<number, Commit>,
  ): GroupError | undefined {
    const member = this.members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    if (generation !== this.generation) return 'ILLEGAL_GENERATION'
    this.extend(member)
    for (const [partition, commit] of commits) {
      this.onCommit(partition, commit)
      this.commits.set(partition, commit)
    }
    return undefined
  }

  /** Makes all members rejoin. */
  beginRebalance(): void {
    if (this.isJoining || this.members.size === 0) return
    this.isJoining = true
    this.rebalance = this.scheduler.after(REBALANCE_TIMEOUT_MS, 'the rebalance times out', () => {
      for (const { id, joining } of [...this.members.values()]) {
        if (joining === undefined) this.drop(id)
      }
      this.endIfAllJoined()
    })
  }

  /** Drops the commits of the deleted topic and makes all members rejoin. */
  forgetTopic(): void {
    this.commits.clear()
    this.generation++
    this.beginRebalance()
  }

  get isEmpty(): boolean {
    return this.members.size === 0
  }

  private newMember(): Member {
    const id = `m${++this.membersEver}`
    const member = { id, partitions: [], session: this.sessionOf(id), joining: undefined }
    this.members.set(id, member)
    return member
  }

  private sessionOf(id: string): Timer {
    return this.scheduler.after(SESSION_TIMEOUT_MS, `the session of ${id} times out`, () => {
      this.onExpired()
      this.remove(id)
    })
  }

  private extend(member: Member): void {
    member.session.isCancelled = true
    member.session = this.sessionOf(member.id)
  }

  private remove(id: string): void {
    this.drop(id)
    this.beginRebalance()
    this.endIfAllJoined()
  }

  private drop(id: string): void {
    const member = this.members.get(id)
    if (member === undefined) return
    member.session.isCancelled = true
    this.members.delete(id)
  }

  private endIfAllJoined(): void {
    const members = [...this.members.values()]
    if (!this.isJoining || members.some(({ joining }) => joining === undefined)) return
    this.isJoining = false
    if (this.rebalance !== undefined) this.rebalance.isCancelled = true
    this.generation++
    for (const member of members) member.partitions.length = 0
    const first = this.scheduler.chance.below(members.length || 1)
    for (let partition = 0; partition < this.partitionCount; partition++) {
      members[(first + partition) % members.length]?.partitions.push(partition)
    }
    for (const member of members) {
      this.extend(member)
      member.joining?.({ value: this.membershipOf(member) })
      member.joining = undefined
    }
  }

  private isLeader(member: Member): boolean {
    return this.members.keys().next().value === member.id
  }

  private membershipOf({ id, partitions }: Member): Membership {
    return { memberId: id, generation: this.generation, partitions: [...partitions] }
  }
}
