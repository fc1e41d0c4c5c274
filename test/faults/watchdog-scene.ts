/** Workers with planted bugs, each triggered by the events of one group. */
import { produce } from '../setup/kafka/topics.ts'
import type { Scene } from '../setup/scene/scene.ts'
import { until } from '../setup/waiting.ts'

export const STALL_MS = 10_000

export const WITH_BUGS = {
  NODE_OPTIONS: '--import ./test/faults/watchdog-preload.ts',
  WORKER_STALL_TIMEOUT_MS: `${STALL_MS}ms`,
}

export async function send({ config }: Scene, groupId: string): Promise<void> {
  const event = {
    group_id: groupId,
    user_id: 'ann',
    traits: { plan: 'pro' },
    timestamp: '2024-01-01',
  }
  await produce(config.kafka, [{ value: JSON.stringify(event) }])
}

export async function isMerged({ redis, config }: Scene, groupId: string): Promise<void> {
  const key = `${config.redis.groupPrefix}{${groupId}}`
  await until('its event is merged', async () => (await redis.hget(key, 'plan')) === 'pro', 30_000)
}
