/** The servers, the workers and the oracle of one history. */
import type { Chance } from '../setup/chance.ts'
import { chanceOf } from './chance.ts'
import { keepsSessions, type Plan } from './history-plan.ts'
import { Kafka } from './kafka.ts'
import { Link, type NetworkFaults } from './network.ts'
import { Oracle } from './oracle.ts'
import { type PlannedRecord, planRecord } from './records.ts'
import { Redis } from './redis.ts'
import { Scheduler } from './scheduler.ts'
import { Worker } from './worker.ts'

/** A place for one worker at a time: after it ends, another one is started there. */
interface Slot {
  readonly name: string
  worker: Worker | undefined
  started: number
}

export class World {
  readonly plan: Plan
  readonly scheduler: Scheduler
  readonly kafka: Kafka
  readonly redis: Redis
  readonly oracle: Oracle
  readonly networkFaults: NetworkFaults
  /** The links to Kafka, by the name of the worker. */
  readonly links = new Map<string, Link>()
  private readonly slots: Slot[] = []
  private readonly published: PlannedRecord[] = []
  /** The id of the topic when a worker last joined the group, by the name of the worker. */
  private readonly topicIdAtJoin = new Map<string, number>()

  /** @param onTrace called with each line of the trace */
  constructor(plan: Plan, onTrace?: (line: string) => void) {
    this.plan = plan
    this.scheduler = new Scheduler(chanceOf(plan.seed ^ 0x5bd1e995), onTrace)
    this.kafka = new Kafka(this.scheduler, plan.partitions)
    this.redis = new Redis(plan.masters, plan.slowMaster)
    this.oracle = new Oracle(this.redis, this.kafka, new Set(plan.conflicting))
    this.networkFaults = { lateShare: plan.lateShare, lostShare: plan.lostShare }
    this.kafka.movedShare = plan.movedShare
    this.kafka.rejectedShare = plan.rejectedShare
    this.connectOracle()
    for (const groupId of plan.conflicting) {
      const master = this.redis.master(this.redis.masterOf(groupId))
      master.write({ kind: 'wrong type', groupId, exists: true })
    }
    for (let i = 0; i < plan.workers; i++) this.addSlot()
  }

  /** The workers that run, including frozen ones. */
  get workers(): Worker[] {
    return this.slots.flatMap(({ worker }) => (worker?.process.isAlive ? worker : []))
  }

  get chance(): Chance {
    return this.scheduler.chance
  }

  addSlot(): Slot {
    const slot: Slot = { name: `w${this.slots.length + 1}`, worker: undefined, started: 0 }
    this.slots.push(slot)
    this.start(slot)
    return slot
  }

  /** Starts a worker in every slot that has none. */
  startAll(): void {
    for (const slot of this.slots) if (!slot.worker?.process.isAlive) this.start(slot)
  }

  kill(worker: Worker): void {
    worker.process.kill()
    for (const index of this.redis.masters.keys()) worker.redis.cut(index)
  }

  /** Publishes a planned record, sometimes with control records around it. */
  publish(): void {
    const { chance, kafka } = this
    const partition = chance.below(this.plan.partitions)
    if (chance.happens(0.1)) kafka.topic.partition(partition).append(undefined)
    const record = planRecord(chance, this.published.length, this.published)
    this.published.push(record)
    this.oracle.publish(record)
    const groupId = 'groupId' in record.expected ? record.expected.groupId : ''
    const partitionOfGroup = groupId.length % this.plan.partitions
    const chosen = kafka.topic.partition(this.plan.isKeyed ? partitionOfGroup : partition)
    chosen.append(record)
    if (chance.happens(0.1)) chosen.append(undefined)
    kafka.wake()
  }

  /** Whether all records are read, applied and committed, and no batch is in flight. */
  isIdle(): boolean {
    const { topic, group } = this.kafka
    const covered = new Set<number>()
    for (const { consumer, inFlight } of this.workers) {
      if (inFlight.size > 0) return false
      if (!consumer.isIdleAt((partition) => topic.partition(partition).end)) return false
      for (const partition of consumer.assigned) covered.add(partition)
    }
    return topic.partitions.every(({ afterLastRecord }, partition) => {
      const committed = Math.max(0, group.commits.get(partition)?.offset ?? 0)
      const isCommitted = committed >= afterLastRecord || this.kafka.hasFailedCommit
      return covered.has(partition) && isCommitted
    })
  }

  private start(slot: Slot): void {
    const { scheduler, kafka, redis, oracle, networkFaults, plan } = this
    const name = `${slot.name}.${++slot.started}`
    const linkToKafka = new Link(scheduler, networkFaults)
    this.links.set(name, linkToKafka)
    scheduler.trace(`${name} starts`)
    slot.worker = new Worker(name, {
      ...{ scheduler, kafka, redis, linkToKafka },
      linkToRedis: new Link(scheduler, networkFaults),
      concurrency: plan.concurrency,
      onAssigned: () => this.topicIdAtJoin.set(name, kafka.topic.id),
      onSeek: (partition) => oracle.seeks(partition),
      onLoss: (_, losses) => {
        const report = losses.map(({ partition, checkpoint, applied, from }) => {
          return `${partition} from ${applied} back to ${from} (checkpoint ${checkpoint})`
        })
        scheduler.trace(`${name} finds a loss: ${report}`)
        oracle.lossReported(`${name}: ${report}`)
      },
      onFailed: (_, error) => oracle.fail(`${name} failed: ${error.stack}`),
    })
  }

  private workerOf(name: string): Worker | undefined {
    return this.slots.find(({ worker }) => worker?.process.name === name)?.worker
  }

  /** The id of the topic that a worker's checkpoint is about: the current one or a former one. */
  private topicIdOf(partition: number, writer: string): number {
    if (this.kafka.topic.id === 0) return 0
    const inFlight = [...(this.workerOf(writer)?.inFlight ?? [])]
    const oldest = inFlight.find((batch) => batch.partition === partition)
    const atJoin = this.topicIdAtJoin.get(writer) ?? 0
    return Math.min(atJoin, oldest?.topicId ?? atJoin)
  }

  /** Lets the oracle observe the servers. */
  private connectOracle(): void {
    const { kafka, redis, oracle } = this
    kafka.onFetch = (partition, offset) => oracle.fetched(partition, offset)
    kafka.group.onCommit = (partition, commit) => {
      // a late commit, which arrives after its successor
      const before = kafka.group.commits.get(partition)?.offset ?? 0
      if (commit.offset < before) kafka.hasFailedCommit = true
      oracle.committed(partition, commit)
    }
    kafka.group.onExpired = () => {
      if (keepsSessions(this.plan))
        oracle.fail('a worker did not heartbeat in time although nothing delayed it')
    }
    redis.onCheckpointSent = (partition, writer) => this.topicIdOf(partition, writer)
    redis.onCheckpoint = ({ master, partition, before, next, topicId, isAbandoned }) => {
      if (before !== undefined && next < before) oracle.checkpointRewound(partition, Number(next))
      if (topicId !== kafka.topic.id) return
      // a late write may find the same checkpoint as before a loss; its sender merges everything again
      if (isAbandoned && oracle.hasLosses) return
      oracle.checkpointSet(master, partition, Number(next))
    }
  }
}
