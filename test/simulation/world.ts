/** One history's servers and workers, with their oracle beside them. */
import { Chance } from './chance.ts'
import { keepsSessions, type Plan } from './history.ts'
import { Kafka } from './kafka.ts'
import { Way, type Weather } from './network.ts'
import { Oracle } from './oracle.ts'
import { type PlannedRecord, planRecord } from './records.ts'
import { Redis } from './redis.ts'
import { Scheduler } from './scheduler.ts'
import { Worker } from './worker.ts'

/** A worker, and the next ones in its place. */
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
  readonly weather: Weather
  /** To Kafka, by the name of the worker. */
  readonly ways = new Map<string, Way>()
  private readonly slots: Slot[] = []
  private readonly published: PlannedRecord[] = []
  /** By worker: which topic it joined for, the latest of those made anew. */
  private readonly joinedFor = new Map<string, number>()

  constructor(plan: Plan, tell?: (line: string) => void) {
    this.plan = plan
    this.scheduler = new Scheduler(new Chance(plan.seed ^ 0x5bd1e995), tell)
    this.kafka = new Kafka(this.scheduler, plan.partitions)
    this.redis = new Redis(plan.masters, plan.slowMaster)
    this.oracle = new Oracle(this.redis, this.kafka, new Set(plan.conflicting))
    this.weather = { lateShare: plan.lateShare, lostShare: plan.lostShare }
    this.kafka.movedShare = plan.movedShare
    this.kafka.refusedShare = plan.refusedShare
    this.watch()
    for (const groupId of plan.conflicting) {
      const master = this.redis.master(this.redis.masterOf(groupId))
      master.write({ kind: 'foreign', groupId, isThere: true })
    }
    for (let i = 0; i < plan.workers; i++) this.addSlot()
  }

  /** Those that run, frozen or not. */
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

  /** Starts all that do not run. */
  startAll(): void {
    for (const slot of this.slots) if (!slot.worker?.process.isAlive) this.start(slot)
  }

  kill(worker: Worker): void {
    worker.process.kill()
    for (const index of this.redis.masters.keys()) worker.redis.cut(index)
  }

  publish(): void {
    const { chance, kafka } = this
    const partition = chance.below(this.plan.partitions)
    if (chance.happens(0.1)) kafka.topic.partition(partition).append(undefined)
    const record = planRecord(chance, this.published.length, this.published)
    this.published.push(record)
    this.oracle.publish(record)
    const groupId = 'groupId' in record.expected ? record.expected.groupId : ''
    const ofGroup = groupId.length % this.plan.partitions
    const chosen = kafka.topic.partition(this.plan.isKeyed ? ofGroup : partition)
    chosen.append(record)
    if (chance.happens(0.1)) chosen.append(undefined)
    kafka.wake()
  }

  /** All is read, applied and committed, and nothing is in hand. */
  isAtRest(): boolean {
    const { topic, group } = this.kafka
    const covered = new Set<number>()
    for (const { consumer, inFlight } of this.workers) {
      if (inFlight.size > 0) return false
      if (!consumer.isIdleAt((partition) => topic.partition(partition).end)) return false
      for (const partition of consumer.assigned) covered.add(partition)
    }
    return topic.partitions.every(({ behindLastRecord }, partition) => {
      const committed = Math.max(0, group.commits.get(partition)?.offset ?? 0)
      const isCommitted = committed >= behindLastRecord || this.kafka.hasFailedCommit
      return covered.has(partition) && isCommitted
    })
  }

  private start(slot: Slot): void {
    const { scheduler, kafka, redis, oracle, weather, plan } = this
    const name = `${slot.name}.${++slot.started}`
    const wayToKafka = new Way(scheduler, weather)
    this.ways.set(name, wayToKafka)
    scheduler.note(`${name} starts`)
    slot.worker = new Worker(name, {
      ...{ scheduler, kafka, redis, wayToKafka },
      wayToRedis: new Way(scheduler, weather),
      concurrency: plan.concurrency,
      onAssigned: () => this.joinedFor.set(name, kafka.topic.incarnation),
      onSeek: (partition) => oracle.seeks(partition),
      onLoss: (_, losses) => {
        const told = losses.map(({ partition, checkpoint, applied, from }) => {
          return `${partition} from ${applied} back to ${from} (checkpoint ${checkpoint})`
        })
        scheduler.note(`${name} finds a loss: ${told}`)
        oracle.lossTold(`${name}: ${told}`)
      },
      onFailed: (_, error) => oracle.fail(`${name} failed: ${error.stack}`),
    })
  }

  private workerOf(name: string): Worker | undefined {
    return this.slots.find(({ worker }) => worker?.process.name === name)?.worker
  }

  /** Of the topics made one after the other: which one a worker's checkpoint is about. */
  private topicOf(partition: number, writer: string): number {
    if (this.kafka.topic.incarnation === 0) return 0
    const inFlight = [...(this.workerOf(writer)?.inFlight ?? [])]
    const oldest = inFlight.find((batch) => batch.partition === partition)
    const known = this.joinedFor.get(writer) ?? 0
    return Math.min(known, oldest?.incarnation ?? known)
  }

  private watch(): void {
    const { kafka, redis, oracle } = this
    kafka.onFetch = (partition, offset) => oracle.fetched(partition, offset)
    kafka.group.onCommit = (partition, commit) => {
      // a late one, behind its successor
      const before = kafka.group.commits.get(partition)?.offset ?? 0
      if (commit.offset < before) kafka.hasFailedCommit = true
      oracle.committed(partition, commit)
    }
    kafka.group.onExpired = () => {
      if (keepsSessions(this.plan)) oracle.fail('a worker that is well did not heartbeat in time')
    }
    redis.onCheckpointSent = (partition, writer) => this.topicOf(partition, writer)
    redis.onCheckpoint = ({ master, partition, before, next, incarnation, isAbandoned }) => {
      if (before !== undefined && next < before) oracle.checkpointRewound(partition, Number(next))
      if (incarnation !== kafka.topic.incarnation) return
      // a late one may meet the same checkpoint as before a loss; who sent it merges all of it again
      if (isAbandoned && oracle.hasLosses) return
      oracle.checkpointSet(master, partition, Number(next))
    }
  }
}
