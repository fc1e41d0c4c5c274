/** What each kind of fault does to the servers and workers. */
import type { FaultKind } from './history-plan.ts'
import type { Master } from './redis.ts'
import type { World } from './world.ts'

export const FAULT_ACTIONS: Readonly<Record<FaultKind, (world: World) => void>> = {
  'a worker is killed': (world) => {
    const worker = anyWorker(world)
    if (worker === undefined) return
    world.kill(worker)
    restartLater(world)
  },
  'a worker is frozen': (world) => {
    anyWorker(world)?.process.freeze(world.chance.within(100, 25_000))
  },
  'a worker is stopped': (world) => {
    anyWorker(world)?.stop()
    restartLater(world)
  },
  'another worker joins': (world) => {
    const { worker } = world.addSlot()
    world.scheduler.after(world.chance.within(10, 15_000), 'the additional worker leaves', () =>
      worker?.stop(),
    )
  },
  'Kafka is unreachable': (world) => {
    const untilMs = world.scheduler.nowMs + world.chance.within(100, 15_000)
    for (const link of world.links.values()) link.closedUntilMs = untilMs
  },
  'a worker cannot reach Kafka': (world) => {
    const link = world.links.get(anyWorker(world)?.process.name ?? '')
    if (link) link.closedUntilMs = world.scheduler.nowMs + world.chance.within(100, 25_000)
  },
  'Redis is down': (world) => {
    stopMaster(world, world.chance.below(world.redis.masters.length))
  },
  'Redis rejects commands': (world) => {
    const { chance, redis, scheduler } = world
    const master = chance.pick(redis.masters)
    master.errorReply = 'READONLY'
    scheduler.after(chance.within(100, 10_000), 'Redis accepts commands again', () => {
      master.errorReply = undefined
    })
  },
  'a connection to Redis is cut': (world) => {
    anyWorker(world)?.redis.cut(world.chance.below(world.redis.masters.length))
  },
  'Redis loses its last writes': (world) => {
    const index = loseWrites(world)
    stopMaster(world, index)
  },
  'Redis is flushed': (world) => {
    world.oracle.hasLosses = true
    world.chance.pick(world.redis.masters).flush()
  },
  'Redis fails over': (world) => {
    const { chance, redis, scheduler, oracle } = world
    const index = chance.below(redis.masters.length)
    const former = redis.master(index)
    oracle.hasLosses = true
    redis.replace(index, lostWrites(world, former))
    for (const { redis: client, process } of world.workers) {
      const untilMs = chance.happens(0.5) ? chance.within(0, 20) : chance.within(0, 2000)
      scheduler.after(untilMs, `the failover reaches ${process.name}`, () => client.cutFrom(former))
    }
  },
  'an offset is set by hand': (world) => setByHand(world),
  'an offset is set by a member': (world) => setAsMember(world),
  'retention deletes records': ({ chance, kafka, oracle }) => {
    const partition = chance.pick(kafka.topic.partitions)
    oracle.deleted(partition.truncate(chance.between(partition.start, partition.end)))
  },
  'the topic is recreated': ({ kafka, oracle }) => {
    oracle.topicRecreated(kafka.topic.recreate())
    kafka.group.forgetTopic()
  },
  'a key of a wrong type is deleted': ({ plan, redis }) => {
    for (const groupId of plan.conflicting) {
      const master = redis.master(redis.masterOf(groupId))
      master.write({ kind: 'wrong type', groupId, exists: false })
    }
  },
}

/** Ends all faults that may still be active, and starts the workers that do not run. */
export function endFaults(world: World): void {
  const { networkFaults, kafka, redis, links, scheduler } = world
  networkFaults.lateShare = 0
  networkFaults.lostShare = 0
  kafka.movedShare = 0
  kafka.rejectedShare = 0
  for (const master of redis.masters) {
    master.isDown = false
    master.errorReply = undefined
  }
  for (const link of links.values())
    link.closedUntilMs = Math.min(link.closedUntilMs, scheduler.nowMs)
  world.startAll()
}

function anyWorker({ workers, chance }: World) {
  return workers.length === 0 ? undefined : chance.pick(workers)
}

function restartLater(world: World): void {
  const { chance, scheduler } = world
  const delayMs = chance.happens(0.5) ? chance.within(1, 100) : chance.within(100, 15_000)
  scheduler.after(delayMs, 'stopped workers are started', () => world.startAll())
}

function stopMaster({ redis, workers, chance, scheduler }: World, index: number): void {
  const master = redis.master(index)
  master.isDown = true
  for (const { redis: client } of workers) client.cut(index)
  scheduler.after(chance.within(10, 10_000), `redis ${index} is up again`, () => {
    master.isDown = false
  })
}

/** @returns the index of the master that lost writes */
function loseWrites(world: World): number {
  const { redis, chance, oracle } = world
  const index = chance.below(redis.masters.length)
  const lost = lostWrites(world, redis.master(index))
  if (lost > 0) oracle.hasLosses = true
  const former = redis.replace(index, lost)
  former.isDown = true
  return index
}

/** How many of the latest writes are lost: mostly a few, sometimes all. */
function lostWrites({ chance }: World, { log }: Master): number {
  const most = chance.pick([3, 12, log.length + 1])
  return Math.min(log.length, chance.below(most))
}

/** As kafka-consumer-groups.sh does it, which requires an empty group: all workers are stopped. */
function setByHand(world: World): void {
  const { kafka, scheduler } = world
  for (const worker of world.workers) worker.stop()
  const deadlineMs = scheduler.nowMs + 15_000
  const attempt = () => {
    const isEmpty = kafka.group.isEmpty
    if (isEmpty) setOffset(world)
    if (isEmpty || scheduler.nowMs > deadlineMs) world.startAll()
    else scheduler.after(500, 'the group is not empty yet', attempt)
  }
  attempt()
}

/** As `group-traits skip` does it: joins the group, commits and leaves. */
function setAsMember(world: World): void {
  const { group } = world.kafka
  group.join(undefined, (outcome) => {
    if ('error' in outcome) return
    setOffset(world)
    group.leave(outcome.value.memberId)
  })
}

function setOffset({ chance, kafka, oracle, scheduler }: World): void {
  const index = chance.below(kafka.topic.partitions.length)
  const { start, end } = kafka.topic.partition(index)
  const offset = chance.between(start, end)
  scheduler.trace(`${index}:${offset} is set by hand`)
  kafka.group.commits.set(index, { offset, metadata: null })
  oracle.setByHand(index, offset)
}
