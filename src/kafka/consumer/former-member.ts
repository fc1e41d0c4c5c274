import type { Log } from '../../pipeline/ports.ts'
import { createClient } from '../client/client.ts'
import { withDeadline } from '../client/deadline.ts'
import { type Cluster, clusterOf } from '../client/kafkajs.ts'
import type { KafkaSettings } from '../client/settings.ts'

/**
 * Takes a member out of the group that could not leave it, as Kafka was away: otherwise the
 * group waits for it until its session ends, and nobody reads meanwhile. kafkajs cannot come
 * back as the same member.
 *
 * Resolves also where that fails: then the group does wait.
 */
export async function removeFormerMember(
  settings: KafkaSettings,
  log: Log,
  memberId: string,
): Promise<void> {
  const cluster = clusterOf(createClient(settings, log))
  try {
    const leaving = leave(cluster, settings.groupId, memberId)
    await withDeadline(leaving, settings.requestTimeoutMs, 'leaving the consumer group')
  } catch (error) {
    // mostly that there is no such member any more
    log.debug({ error: String(error) }, 'a former member of the group was left as it is')
  } finally {
    cluster.disconnect().catch(() => {}) // in the background: nobody waits for it
  }
}

async function leave(cluster: Cluster, groupId: string, memberId: string): Promise<void> {
  await cluster.connect()
  await cluster.refreshMetadata()
  const coordinator = await cluster.findGroupCoordinator({ groupId })
  await coordinator.leaveGroup({ groupId, memberId })
}
