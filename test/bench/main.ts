/**
 * What the worker does, measured: draining a backlog, and the way of one event through it.
 * Beside it, on the same servers, the worker that anybody would write first.
 *
 *     npm run bench -- [--scenario drain-1|drain-4|drain-200|latency]… [--events 600000]
 *
 * On the Kafka and Redis of KAFKA_BROKERS and REDIS_URL where both are set, else on a local
 * stack of its own. The figures also go to .local/bench-results.json.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { drain } from './drain.ts'
import { type DrainResult, type LatencyResult, tableOfDrains, tableOfLatencies } from './figures.ts'
import { countGroups, generateEvents } from './generator.ts'
import { measureLatency } from './latency.ts'
import { countKeys, openServers, removeKeys, type Servers } from './servers.ts'
import { fillTopic, removeTopic } from './topic.ts'
import type { Place, WorkerName } from './worker-process.ts'

const PARTITIONS = { 'drain-1': 1, 'drain-4': 4, 'drain-200': 200 } as const
const SCENARIOS = [...(Object.keys(PARTITIONS) as (keyof typeof PARTITIONS)[]), 'latency'] as const
type Scenario = (typeof SCENARIOS)[number]

const SEED = 42
const LATENCY_SECONDS = 20
/** The straightforward worker is slow: a part of the topic tells as much. */
const MAX_REFERENCE_RECORDS = 50_000

const RESULTS = resolve(import.meta.dirname, '../../.local/bench-results.json')

await bench()

async function bench(): Promise<void> {
  const { scenarios, events } = readArguments()
  const servers = await openServers(process.env, say)
  const drains: DrainResult[] = []
  const latencies: LatencyResult[] = []
  try {
    for (const scenario of scenarios) {
      if (scenario === 'latency') latencies.push(await runLatency(servers))
      else drains.push(await runDrain(servers, PARTITIONS[scenario], events))
    }
  } finally {
    // what was measured until something failed is worth as much
    await show({ at: new Date(), node: process.version, events, drains, latencies })
    await servers.stop()
  }
}

async function show(results: Results): Promise<void> {
  const { node, events, drains, latencies } = results
  console.log(`\n${cpus().length} CPUs, Node ${node}, ${events} events\n`)
  if (drains.length > 0) console.log(tableOfDrains(drains))
  if (latencies.length > 0) console.log(tableOfLatencies(latencies))
  await mkdir(dirname(RESULTS), { recursive: true })
  await writeFile(RESULTS, `${JSON.stringify(results, null, 2)}\n`)
}

interface Results {
  readonly at: Date
  readonly node: string
  readonly events: number
  readonly drains: readonly DrainResult[]
  readonly latencies: readonly LatencyResult[]
}

function readArguments(): { scenarios: readonly Scenario[]; events: number } {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string', multiple: true, default: [...SCENARIOS] },
      events: { type: 'string', default: '600000' },
    },
  })
  const events = Number(values.events)
  const unknown = values.scenario.filter((name) => !SCENARIOS.includes(name as Scenario))
  if (unknown.length > 0 || !Number.isSafeInteger(events) || events < 1) {
    console.error(`--scenario is one of ${SCENARIOS.join(', ')}; --events is a whole number`)
    process.exit(2)
  }
  return { scenarios: values.scenario as Scenario[], events }
}

async function runDrain(servers: Servers, partitions: number, count: number): Promise<DrainResult> {
  const topic = `bench-${randomUUID()}`
  try {
    await fillTopic(servers, topic, partitions, { count, seed: SEED }, (written) => {
      say(`Filling ${partitions} partition(s): ${written} of ${count}`)
    })
    const ours = await drainInto(servers, 'group-traits', topic, count)
    const wanted = countGroups(generateEvents(count, SEED))
    if (ours.groups !== wanted) {
      throw new Error(`${ours.groups} groups are in Redis, ${wanted} were sent`)
    }
    const part = Math.min(count, MAX_REFERENCE_RECORDS)
    const reference = await drainInto(servers, 'straightforward', topic, part)
    return { partitions, groups: wanted, ours: ours.figures, reference: reference.figures }
  } finally {
    await removeTopic(servers.admin, topic)
  }
}

async function drainInto(servers: Servers, worker: WorkerName, topic: string, records: number) {
  say(`Draining with ${worker}`)
  return atPlace(servers, topic, async (place) => ({
    figures: await drain(worker, servers, place, records),
    groups: await countKeys(servers.redis, `${place.keyPrefix}group:*:clock`),
  }))
}

async function runLatency(servers: Servers): Promise<LatencyResult> {
  const measure = async (worker: WorkerName) => {
    say(`Measuring the latency of ${worker}`)
    const topic = `bench-${randomUUID()}`
    try {
      return await atPlace(servers, topic, (place) =>
        measureLatency(worker, servers, place, LATENCY_SECONDS),
      )
    } finally {
      await removeTopic(servers.admin, topic)
    }
  }
  return { ours: await measure('group-traits'), reference: await measure('straightforward') }
}

/** Gives a worker a consumer group and keys of its own, and removes the keys after. */
async function atPlace<T>(
  { redis }: Servers,
  topic: string,
  use: (place: Place) => Promise<T>,
): Promise<T> {
  const id = randomUUID()
  const place = { topic, groupId: `bench-${id}`, keyPrefix: `bench-${id}:` }
  try {
    return await use(place)
  } finally {
    await removeKeys(redis, `*${id}*`)
  }
}

function say(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
  else if (!line.startsWith('Filling')) process.stderr.write(`${line}\n`)
}
