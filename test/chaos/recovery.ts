import { readOffsets } from '../../src/kafka/topics/offsets.ts'
import { checkpointKey } from '../../src/redis/keys.ts'
import { silentLog } from '../setup/logs.ts'
import type { Scene } from '../setup/scene/scene.ts'
import { until } from '../setup/waiting.ts'
import type { World } from './faults.ts'

/** Whatever happened: by then something is wrong. */
const DEADLINE_MS = 120_000

/**
 * Resolves once all is well again: every worker says so, and what was in the topic as this was
 * called is committed, and is in Redis by the checkpoint there.
 *
 * @returns the milliseconds that it took
 * @throws where it does not come to that in time, with what was missing
 */
export async function untilRecovered({ scene, crew }: World, signal: AbortSignal): Promise<number> {
  const startedMs = performance.now()
  const { kafka } = scene.config
  const ends = await until(
    'Kafka answers',
    async () => (signal.aborted ? [] : await readOffsets(kafka, silentLog)),
    DEADLINE_MS,
  )
  const isWell = async () => {
    for (const member of crew.members) {
      if (!(await member.isReady())) throw new Error(`${member.name} is not ready`)
    }
    const now = new Map(
      (await readOffsets(kafka, silentLog)).map(({ partition, next }) => [partition, next]),
    )
    const checkpoints = await readCheckpoints(scene)
    for (const { partition, end } of ends) {
      const [committed = 0n, checkpoint = 0n] = [now.get(partition), checkpoints.get(partition)]
      if (committed >= end && checkpoint >= end) continue
      throw new Error(
        `partition ${partition}, which ended at ${end}, is committed up to ${committed}, and in ` +
          `Redis up to ${checkpoint}`,
      )
    }
    return true
  }
  await until('the workers have recovered', async () => signal.aborted || isWell(), DEADLINE_MS)
  return performance.now() - startedMs
}

async function readCheckpoints({ redis, config: { kafka } }: Scene): Promise<Map<number, bigint>> {
  const checkpoints = await redis.hgetall(checkpointKey(kafka.topic, kafka.groupId, 0))
  return new Map(
    Object.entries(checkpoints).map(([partition, next]) => [Number(partition), BigInt(next)]),
  )
}
