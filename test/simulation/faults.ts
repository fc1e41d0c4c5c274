/** What each fault does to the world. */
import type { FaultKind } from './history.ts'
import type { Master } from './redis.ts'
import type { World } from './world.ts'

export const INFLICT: Readonly<Record<FaultKind, (world: World) => void>> = {
  'a worker is killed': (world) => {
    const worker = anyWorker(world)
    if (worker === undefined) return
    world.kill(worker)
    startAgain(world)
  },
  'a worker is frozen': (world) => {
    anyWorker(world)?.process.freeze(world.chance.within(100, 25_000))
  },
  'a worker is stopped': (world) => {
    anyWorker(world)?.stop()
    startAgain(world)
  },
  'another worker comes': (world) => {
    const { worker } = world.addSlot()
    world.scheduler.after(world.chance.within(10, 15_000), 'the other worker goes', () =>
      worker?.stop(),
    )
  },
  'Kafka is away': (world) => {
    const untilMs = world.scheduler.nowMs + world.chance.within(100, 15_000)
    for (const way of world.ways.values()) way.closedUntilMs = untilMs
  },
  'a worker loses Kafka': (world) => {
    const way = world.ways.get(anyWorker(world)?.process.name ?? '')
    if (way) way.closedUntilMs = world.scheduler.nowMs + world.chance.within(100, 25_000)
  },
  'Redis is away': (world) => {
    goAway(world, world.chance.below(world.redis.masters.length))
  },
  'Redis refuses writes': (world) => {
    const { chance, redis, scheduler } = world
    const master = chance.pick(redis.masters)
    master.refusal = 'READONLY'
    scheduler.after(chance.within(100, 10_000), 'Redis takes writes again', () => {
      master.refusal = undefined
    })
  },
  'a connection to Redis is cut': (world) => {
    anyWorker(world)?.redis.cut(world.chance.below(world.redis.masters.length))
  },
  'Redis loses its last writes': (world) => {
    const index = loseWrites(world)
    goAway(world, index)
  },
  'Redis is flushed': (world) => {
    world.oracle.hasLosses = true
    world.chance.pick(world.redis.masters).flush()
  },
  'Redis fails over': (world) => {
    const { chance, redis, scheduler, oracle } = world
    const index = chance.below(redis.masters.length)
    const deposed = redis.master(index)
    oracle.hasLosses = true
    redis.replace(index, lostOf(world, deposed))
    for (const { redis: client, process } of world.workers) {
      const untilMs = chance.happens(0.5) ? chance.within(0, 20) : chance.within(0, 2000)
      scheduler.after(untilMs, `the failover reaches ${process.name}`, () =>
        client.cutFrom(deposed),
      )
    }
  },
  'an offset is set by hand': (world) => setByHand(world),
  'an offset is set as a member': (world) => setAsMember(world),
  retention: ({ chance, kafka, oracle }) => {
    const partition = chance.pick(kafka.topic.partitions)
    oracle.gone(partition.truncate(chance.between(partition.start, partition.end)))
  },
  'the topic is made anew': ({ kafka, oracle }) => {
    oracle.topicMadeAnew(kafka.topic.makeAnew())
    kafka.group.forgetTopic()
  },
  'a foreign key goes': ({ plan, redis }) => {
    for (const groupId of plan.conflicting) {
      const master = redis.master(redis.masterOf(groupId))
      master.write({ kind: 'foreign', groupId, isThere: false })
    }
  },
}

/** Ends what faults may still be going on. */
export function calm(world: World): void {
  const { weather, kafka, redis, ways, scheduler } = world
  weather.lateShare = 0
  weather.lostShare = 0
  kafka.movedShare = 0
  kafka.refusedShare = 0
  for (const master of redis.masters) {
    master.isAway = false
    master.refusal = undefined
  }
  for (const way of ways.values()) way.closedUntilMs = Math.min(way.closedUntilMs, scheduler.nowMs)
  world.startAll()
}

function anyWorker({ workers, chance }: World) {
  return workers.length === 0 ? undefined : chance.pick(workers)
}

function startAgain(world: World): void {
  const { chance, scheduler } = world
  const delayMs = chance.happens(0.5) ? chance.within(1, 100) : chance.within(100, 15_000)
  scheduler.after(delayMs, 'what does not run is started', () => world.startAll())
}

function goAway({ redis, workers, chance, scheduler }: World, index: number): void {
  const master = redis.master(index)
  master.isAway = true
  for (const { redis: client } of workers) client.cut(index)
  scheduler.after(chance.within(10, 10_000), `redis ${index} is back`, () => {
    master.isAway = false
  })
}

/** @returns the master that lost some */
function loseWrites(world: World): number {
  const { redis, chance, oracle } = world
  const index = chance.below(redis.masters.length)
  const lost = lostOf(world, redis.master(index))
  if (lost > 0) oracle.hasLosses = true
  const dead = redis.replace(index, lost)
  dead.isAway = true
  return index
}

/** Mostly the last few, sometimes all. */
function lostOf({ chance }: World, { log }: Master): number {
  const most = chance.pick([3, 12, log.length + 1])
  return Math.min(log.length, chance.below(most))
}

/** As Kafka's own tool does it, which wants the group to be empty: all workers are stopped. */
function setByHand(world: World): void {
  const { kafka, scheduler } = world
  for (const worker of world.workers) worker.stop()
  const giveUpMs = scheduler.nowMs + 15_000
  const attempt = () => {
    const isEmpty = kafka.group.isEmpty
    if (isEmpty) setOffset(world)
    if (isEmpty || scheduler.nowMs > giveUpMs) world.startAll()
    else scheduler.after(500, 'the group is not empty yet', attempt)
  }
  attempt()
}

/** As `skip` does it: by joining the group, and leaving it again. */
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
  scheduler.note(`${index}:${offset} is set by hand`)
  kafka.group.commits.set(index, { offset, metadata: null })
  oracle.setByHand(index, offset)
}
