/**
 * Checks that the workers keep their promises. It knows the records that were published and the
 * faults that were injected; it takes nothing from the pipeline.
 *
 * When a worker writes a checkpoint to a Redis master:
 *   - every event of that partition before the checkpoint is in the groups of that master.
 *
 * When a worker commits an offset:
 *   - every event before the offset is applied, or a checkpoint has already covered it;
 *   - every record before the offset that needs a dead letter has one;
 *   - the commit does not overwrite an offset that was set by hand and not fetched from yet.
 *
 * When a worker reports a loss:
 *   - Redis lost something, or a late write of a former owner looks exactly like a loss.
 *
 * At the end, once the workers are idle:
 *   - every valid event is in the state, or has a dead letter;
 *   - every invalid record has a dead letter;
 *   - there are no dead letters for valid events, except for groups whose key has a wrong type;
 *   - everything in the state comes from some event, and is later than the erasure of its group.
 *
 * Records that were skipped by hand, or deleted by Kafka before they were applied, are excused.
 */
import type { Commit } from './coordinator.ts'
import { findUnexplained, includesEvent } from './expected-state.ts'
import type { Kafka } from './kafka.ts'
import type { PlannedMessage } from './payload.ts'
import type { Event, PlannedRecord } from './records.ts'
import type { Master, Redis } from './redis.ts'
import type { LogEntry } from './topic.ts'

export class Oracle {
  /** The first violation that was found. */
  violation: string | undefined
  /** Whether Redis lost any writes. */
  hasLosses = false
  /** Set once a checkpoint is behind a commit without a loss. Workers cannot distinguish the two. */
  private isCheckpointBehindCommit = false
  private readonly redis: Redis
  private readonly kafka: Kafka
  /** Groups whose key has, or had, a wrong type in Redis. */
  private readonly conflicting: ReadonlySet<string>
  private readonly published: PlannedRecord[] = []
  /** Records that need not be applied: skipped by hand, or deleted before they were applied. */
  private readonly excused = new Set<PlannedRecord>()
  /** Records that were deleted from the topic after they had been applied. */
  private readonly deletedApplied: PlannedRecord[] = []
  /** Events of conflicting groups that were in the state at some time. */
  private readonly written = new Set<PlannedRecord>()
  /** Partition -> the highest checkpoint: all records before it were applied. */
  private checkpointed = new Map<number, number>()
  /** Partition -> the offset that was set by hand, until a worker fetches from it. */
  private readonly unreadResets = new Map<number, number>()
  /** Partitions with a seek. kafkajs keeps seeks over a join and prefers them to commits. */
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

  /** Called when an offset has been set by hand: the records before it need not be applied. */
  setByHand(partition: number, offset: number): void {
    const { topic } = this.kafka
    for (const entry of topic.partition(partition).from(0)) {
      if (entry.offset < offset && !this.isDone(entry)) this.excuse(entry)
    }
    this.unreadResets.set(partition, offset)
  }

  /** Called when entries were deleted from the topic: those not applied by then are excused. */
  deleted(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      if (entry.record === undefined) continue
      if (this.isDone(entry)) this.deletedApplied.push(entry.record)
      else this.excuse(entry)
    }
  }

  topicRecreated(entries: readonly LogEntry[]): void {
    this.deleted(entries)
    this.checkpointed = new Map()
    this.unreadResets.clear()
  }

  fetched(partition: number, offset: number): void {
    if (this.unreadResets.get(partition) === offset) this.unreadResets.delete(partition)
  }

  /** Called when a worker seeks. */
  seeks(partition: number): void {
    this.sought.add(partition)
  }

  /** Called when a checkpoint was written: all records before it must be applied in that master. */
  checkpointSet(master: Master, partition: number, next: number): void {
    const commit = this.kafka.group.commits.get(partition)
    const isByHand = commit !== undefined && commit.metadata === null
    for (const entry of this.kafka.topic.partition(partition).from(0)) {
      if (entry.offset >= next) break
      this.recordConflicting(entry, master)
      // whoever sets an offset by hand takes responsibility for the records before it
      const isSkippedByHand = isByHand && this.hasLosses && entry.offset < commit.offset
      const isApplied = this.isApplied(entry, master)
      if (isSkippedByHand && !(isApplied && this.isDone(entry))) this.excuse(entry)
      if (isApplied || isSkippedByHand) continue
      this.fail(`checkpoint ${partition}:${next} is too high: ${describe(entry)} is not applied`)
    }
    this.checkpointed.set(partition, Math.max(next, this.checkpointed.get(partition) ?? 0))
  }

  /** Called for each commit: all records before it must be applied or dead-lettered. */
  committed(partition: number, { offset, metadata }: Commit): void {
    if (metadata === null) {
      // the offset that was set by hand no longer exists, so the worker restarts at the beginning
      this.unreadResets.delete(partition)
      return
    }
    const checkpoints = this.redis.masters.map((master) =>
      Number(master.checkpoints.get(partition) ?? -1),
    )
    if (Math.min(...checkpoints) < offset) this.isCheckpointBehindCommit = true
    const checkpointed = this.checkpointed.get(partition) ?? 0
    for (const entry of this.kafka.topic.partition(partition).from(0)) {
      if (entry.offset >= offset) break
      const isApplied = entry.offset < checkpointed || this.isApplied(entry)
      if (!isApplied || !this.isDeadLetteredIfNeeded(entry)) {
        this.fail(`commit ${partition}:${offset} is too high: ${describe(entry)} is not done`)
      }
    }
    const reset = this.unreadResets.get(partition)
    if (reset !== undefined && !this.sought.has(partition)) {
      this.fail(`commit ${partition}:${offset} overwrites ${reset}, which was set by hand`)
    }
  }

  /**
   * Called when a checkpoint was lowered. If a higher offset is committed by then, a former owner
   * of the partition did it: it had read the commits before, or its request arrived late.
   */
  checkpointRewound(partition: number, next: number): void {
    const commit = this.kafka.group.commits.get(partition)
    if (commit?.metadata && commit.offset > next) this.isCheckpointBehindCommit = true
  }

  lossReported(report: string): void {
    if (this.hasLosses || this.isCheckpointBehindCommit) return
    this.fail(`a loss was reported, but nothing was lost: ${report}`)
  }

  /** Called at the end, once the workers are idle. */
  checkEndState(): void {
    const required = this.published.filter(({ expected }) => expected.kind !== 'ignored')
    const gone = new Set(this.hasLosses ? this.deletedApplied : [])
    for (const record of required) {
      if (this.excused.has(record) || gone.has(record)) continue
      const { expected } = record
      if (expected.kind === 'rejected') {
        if (!this.isDeadLettered(record)) this.fail(`${record.name} has no dead letter`)
      } else if (expected.kind !== 'ignored' && !this.holds(expected)) {
        if (!this.isDeadLettered(record)) this.fail(`${record.name} is not in the state`)
      }
    }
    this.checkDeadLetters()
    this.checkOrigins()
  }

  /** Valid events have no dead letters, unless the key of their group has a wrong type. */
  private checkDeadLetters(): void {
    for (const { record, problem } of this.kafka.deadLetters) {
      const { name, expected } = (record as PlannedMessage).planned
      if (expected.kind === 'rejected' && problem.reason === expected.reason) continue
      const isConflict = problem.reason === 'state_conflict' && 'groupId' in expected
      if (isConflict && this.conflicting.has(expected.groupId)) continue
      this.fail(`${name} (${expected.kind}) is dead-lettered: ${problem.reason}`)
    }
  }

  /** Everything in the state comes from some event, and is later than the erasure. */
  private checkOrigins(): void {
    const events = this.published.flatMap(({ expected }) => ('groupId' in expected ? expected : []))
    for (const { groups } of this.redis.masters) {
      for (const [groupId, state] of groups) {
        const wrong = findUnexplained(
          state,
          events.filter((event) => event.groupId === groupId),
        )
        if (wrong !== undefined) this.fail(`${groupId} has ${wrong}, which comes from no event`)
      }
    }
  }

  /** Remembers the events of conflicting groups that were written after the wrong key was deleted. */
  private recordConflicting({ record }: LogEntry, master: Master): void {
    if (record === undefined || !('groupId' in record.expected)) return
    const { groupId } = record.expected
    const isOnMaster =
      this.conflicting.has(groupId) && this.redis.masterOf(groupId) === master.index
    if (isOnMaster && includesEvent(master.groups.get(groupId), record.expected))
      this.written.add(record)
  }

  private excuse({ record }: LogEntry): void {
    if (record !== undefined) this.excused.add(record)
  }

  /** Whether the record needs nothing more: it is in the state now, dead-lettered, or ignored. */
  private isDone({ record }: LogEntry): boolean {
    if (record === undefined || record.expected.kind === 'ignored') return true
    return (
      ('groupId' in record.expected && this.holds(record.expected)) || this.isDeadLettered(record)
    )
  }

  /**
   * Whether the record is in the state, or does not belong there: not an event, excused, or of a
   * conflicting group. With a master, only the groups of that master are checked.
   */
  private isApplied({ record }: LogEntry, master?: Master): boolean {
    if (record === undefined || this.excused.has(record)) return true
    const { expected } = record
    if (expected.kind === 'rejected' || expected.kind === 'ignored') return true
    if (this.conflicting.has(expected.groupId)) return true
    if (master === undefined) return this.holds(expected)
    if (master.index !== this.redis.masterOf(expected.groupId)) return true
    return includesEvent(master.groups.get(expected.groupId), expected)
  }

  private isDeadLetteredIfNeeded({ record }: LogEntry): boolean {
    if (record === undefined || this.excused.has(record)) return true
    const { expected } = record
    if (expected.kind === 'rejected') return this.isDeadLettered(record)
    if (expected.kind === 'ignored' || !this.conflicting.has(expected.groupId)) return true
    return this.isDeadLettered(record) || this.holds(expected) || this.written.has(record)
  }

  private isDeadLettered(wanted: PlannedRecord): boolean {
    return this.kafka.deadLetters.some(
      ({ record }) => (record as PlannedMessage).planned.name === wanted.name,
    )
  }

  private holds(event: Event): boolean {
    return includesEvent(this.redis.stateOf(event.groupId), event)
  }
}

function describe({ offset, record }: LogEntry): string {
  return `${offset} (${record?.name}, ${record?.expected.kind})`
}
