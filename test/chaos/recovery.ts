import { readOffsets } from '../../src/kafka/topics/offsets.ts'
import { checkpointKey } from '../../src/redis/keys.ts'
import { silentLog } from '../setup/logs.ts'
import type { Scene } from '../setup/scene/scene.ts'
import { until } from '../setup/waiting.ts'
import type { Targets } from './faults.ts'

/** No fault may need longer to recover from. */
const TIMEOUT_MS = 120_000

/**
 * Resolves once the workers have recovered: every worker is ready, and all records that are in the
 * topic now are committed and covered by the checkpoints in Redis.
 *
 * @returns the time that it took, in milliseconds
 * @throws Error that says what is missing, if they do not recover in time
 */
export async function untilRecovered(
  { scene, pool }: Targets,
  signal: AbortSignal,
): Promise<number> {
  const startedMs = performance.now()
  const { kafka } = scene.config
  const ends = await until(
    'Kafka answers',
    async () => (signal.aborted ? [] : await readOffsets(kafka, silentLog)),
    TIMEOUT_MS,
  )
  const hasRecovered = async () => {
    for (const worker of pool.workers) {
      if (!(await worker.isReady())) throw new Error(`${worker.name} is not ready`)
    }
    const now = new Map(
      (await readOffsets(kafka, silentLog)).map(({ partition, next }) => [partition, next]),
    )
    const checkpoints = await readCheckpoints(scene)
    for (const { partition, end } of ends) {
      const [committed = 0n, checkpoint = 0n] = [now.get(partition), checkpoints.get(partition)]
      if (committed >= end && checkpoint >= end) continue
      throw new Error(
        `partition ${partition} ends at ${end}, but is committed up to ${committed}, and its ` +
          `checkpoint in Redis is ${checkpoint}`,
      )
    }
    return true
  }
  await until(
    'the workers have recovered',
    async () => signal.aborted || hasRecovered(),
    TIMEOUT_MS,
  )
  return performance.now() - startedMs
}

async function readCheckpoints({ redis, config: { kafka } }: Scene): Promise<Map<number, bigint>> {
  const checkpoints = await redis.hgetall(checkpointKey(kafka.topic, kafka.groupId, 0))
  return new Map(
    Object.entries(checkpoints).map(([partition, next]) => [Number(partition), BigInt(next)]),
  )
}
