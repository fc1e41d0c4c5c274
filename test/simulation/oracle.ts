/**
 * Says what must be true, at each checkpoint, at each commit and in the end. It knows the records that
 * were published and what was done to the servers on purpose, and takes nothing from the pipeline.
 */
import type { Commit } from './coordinator.ts'
import type { Kafka } from './kafka.ts'
import type { PlannedMessage } from './payload.ts'
import type { Event, PlannedRecord } from './records.ts'
import type { Master, Redis } from './redis.ts'
import type { LogEntry } from './topic.ts'
import { holdsEvent, strangerIn } from './truth.ts'

export class Oracle {
  /** The first thing that was wrong. */
  violation: string | undefined
  /** Whether Redis lost anything. */
  hasLosses = false
  /** Set once a checkpoint is behind a commit although nothing was lost, which nobody can tell. */
  private isOvertaken = false
  private readonly redis: Redis
  private readonly kafka: Kafka
  /** Groups at whose name something foreign stands, or stood. */
  private readonly conflicting: ReadonlySet<string>
  private readonly published: PlannedRecord[] = []
  /** Nobody can be held to these: skipped by hand, or gone from the topic too early. */
  private readonly excused = new Set<PlannedRecord>()
  /** Gone from the topic after they had been applied. */
  private readonly goneApplied: PlannedRecord[] = []
  /** Events of conflicting groups that were in the state once. */
  private readonly written = new Set<PlannedRecord>()
  /** Partition -> up to where a checkpoint said that all is applied. */
  private vouched = new Map<number, number>()
  /** Offsets set by hand that nobody has read from yet. */
  private readonly unreadResets = new Map<number, number>()
  /** kafkajs keeps a seek over a join, and prefers it to what is committed by then. */
  private readonly sought = new Set<number>()

  constructor(redis: Redis, kafka: Kafka, conflicting: ReadonlySet<string>) {
    this.redis = redis
    this.kafka = kafka
    this.conflicting = conflicting
  }

  fail(what: string): void {
    this.violation ??= what
  }

  publish(record: PlannedRecord): void {
    this.published.push(record)
  }

  /** An offset was set by hand, just now: what it passes over need not be applied. */
  setByHand(partition: number, offset: number): void {
    const { topic } = this.kafka
    for (const entry of topic.partition(partition).from(0)) {
      if (entry.offset < offset && !this.isDone(entry)) this.excuse(entry)
    }
    this.unreadResets.set(partition, offset)
  }

  /** The entries are gone from the topic: what was not applied by then cannot be. */
  gone(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (entry.record === undefined) continue
      if (this.isDone(entry)) this.goneApplied.push(entry.record)
      else this.excuse(entry)
    }
  }

  topicMadeAnew(entries: readonly LogEntry[]): void {
    this.gone(entries)
    this.vouched = new Map()
    this.unreadResets.clear()
  }

  fetched(partition: number, offset: number): void {
    if (this.unreadResets.get(partition) === offset) this.unreadResets.delete(partition)
  }

  /** A worker is to read on elsewhere. */
  seeks(partition: number): void {
    this.sought.add(partition)
  }

  /** All of the partition before a checkpoint is applied, in that very server. */
  checkpointSet(master: Master, partition: number, next: number): void {
    const commit = this.kafka.group.commits.get(partition)
    const isByHand = commit !== undefined && commit.metadata === null
    for (const entry of this.kafka.topic.partition(partition).from(0)) {
      if (entry.offset >= next) break
      this.noteConflicting(entry, master)
      // who sets an offset by hand vouches for what it passes over, whatever was lost since
      const isVouchedFor = isByHand && this.hasLosses && entry.offset < commit.offset
      const isThere = this.isApplied(entry, master)
      if (isVouchedFor && !(isThere && this.isDone(entry))) this.excuse(entry)
      if (isThere || isVouchedFor) continue
      this.fail(`the checkpoint ${partition}:${next} is ahead: ${describe(entry)} is not applied`)
    }
    this.vouched.set(partition, Math.max(next, this.vouched.get(partition) ?? 0))
  }

  /** All before a commit was applied, and its dead letters are taken. */
  committed(partition: number, { offset, metadata }: Commit): void {
    if (metadata === null) {
      // where reading begins anew at the start, what was set by hand was gone
      this.unreadResets.delete(partition)
      return
    }
    const checkpoints = this.redis.masters.map((master) =>
      Number(master.checkpoints.get(partition) ?? -1),
    )
    if (Math.min(...checkpoints) < offset) this.isOvertaken = true
    const vouched = this.vouched.get(partition) ?? 0
    for (const entry of this.kafka.topic.partition(partition).from(0)) {
      if (entry.offset >= offset) break
      const isApplied = entry.offset < vouched || this.isApplied(entry)
      if (!isApplied || !this.hasLetter(entry)) {
        this.fail(`commit ${partition}:${offset} is early: ${describe(entry)} is not done`)
      }
    }
    const reset = this.unreadResets.get(partition)
    if (reset !== undefined && !this.sought.has(partition)) {
      this.fail(`commit ${partition}:${offset} overwrites ${reset}, which was set by hand`)
    }
  }

  /**
   * Where a worker has committed more by then, a former owner did it, which does not know yet
   * that it is one: it asked before, or its request came late.
   */
  checkpointRewound(partition: number, next: number): void {
    const commit = this.kafka.group.commits.get(partition)
    if (commit?.metadata && commit.offset > next) this.isOvertaken = true
  }

  lossTold(told: string): void {
    if (!this.hasLosses && !this.isOvertaken)
      this.fail(`a loss was told that there was none of: ${told}`)
  }

  /** Once all is quiet. */
  judge(): void {
    const required = this.published.filter(({ expected }) => expected.kind !== 'ignored')
    const gone = new Set(this.hasLosses ? this.goneApplied : [])
    for (const record of required) {
      if (this.excused.has(record) || gone.has(record)) continue
      const { expected } = record
      if (expected.kind === 'rejected') {
        if (!this.letterOf(record)) this.fail(`${record.name} has no dead letter`)
      } else if (expected.kind !== 'ignored' && !this.holds(expected)) {
        if (!this.letterOf(record)) this.fail(`${record.name} is not in the state`)
      }
    }
    this.judgeLetters()
    this.judgeOrigins()
  }

  /** Nothing valid is dead-lettered, but where a foreign key stands. */
  private judgeLetters(): void {
    for (const { record, problem } of this.kafka.letters) {
      const { name, expected } = (record as PlannedMessage).planned
      if (expected.kind === 'rejected' && problem.reason === expected.reason) continue
      const isConflict = problem.reason === 'state_conflict' && 'groupId' in expected
      if (isConflict && this.conflicting.has(expected.groupId)) continue
      this.fail(`${name} (${expected.kind}) is dead-lettered: ${problem.reason}`)
    }
  }

  /** Each thing in the state is of some event, and above the floor. */
  private judgeOrigins(): void {
    const events = this.published.flatMap(({ expected }) => ('groupId' in expected ? expected : []))
    for (const { groups } of this.redis.masters) {
      for (const [groupId, state] of groups) {
        const wrong = strangerIn(
          state,
          events.filter((event) => event.groupId === groupId),
        )
        if (wrong !== undefined) this.fail(`${groupId} has ${wrong} of no event`)
      }
    }
  }

  /** Of a group at whose name something foreign stood, it may be written all the same. */
  private noteConflicting({ record }: LogEntry, master: Master): void {
    if (record === undefined || !('groupId' in record.expected)) return
    const { groupId } = record.expected
    const isThere = this.conflicting.has(groupId) && this.redis.masterOf(groupId) === master.index
    if (isThere && holdsEvent(master.groups.get(groupId), record.expected)) this.written.add(record)
  }

  private excuse({ record }: LogEntry): void {
    if (record !== undefined) this.excused.add(record)
  }

  /** As things are now, whatever was before. */
  private isDone({ record }: LogEntry): boolean {
    if (record === undefined || record.expected.kind === 'ignored') return true
    return ('groupId' in record.expected && this.holds(record.expected)) || this.letterOf(record)
  }

  /** In the state, or no event, or one that cannot be written; of the given server's groups only. */
  private isApplied({ record }: LogEntry, master?: Master): boolean {
    if (record === undefined || this.excused.has(record)) return true
    const { expected } = record
    if (expected.kind === 'rejected' || expected.kind === 'ignored') return true
    if (this.conflicting.has(expected.groupId)) return true
    if (master === undefined) return this.holds(expected)
    if (master.index !== this.redis.masterOf(expected.groupId)) return true
    return holdsEvent(master.groups.get(expected.groupId), expected)
  }

  private hasLetter({ record }: LogEntry): boolean {
    if (record === undefined || this.excused.has(record)) return true
    const { expected } = record
    if (expected.kind === 'rejected') return this.letterOf(record)
    if (expected.kind === 'ignored' || !this.conflicting.has(expected.groupId)) return true
    return this.letterOf(record) || this.holds(expected) || this.written.has(record)
  }

  private letterOf(wanted: PlannedRecord): boolean {
    return this.kafka.letters.some(
      ({ record }) => (record as PlannedMessage).planned.name === wanted.name,
    )
  }

  private holds(event: Event): boolean {
    return holdsEvent(this.redis.stateOf(event.groupId), event)
  }
}

function describe({ offset, record }: LogEntry): string {
  return `${offset} (${record?.name}, ${record?.expected.kind})`
}
