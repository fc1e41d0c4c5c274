import type { Log } from '../../pipeline/ports.ts'
import { createClient } from '../client/client.ts'
import { type Cluster, clusterOf } from '../client/kafkajs.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { withTimeout } from '../client/timeout.ts'

/**
 * Removes a member from the group that could not leave it because Kafka was away. Otherwise the
 * rebalance waits until that member's session times out, and nobody reads meanwhile. kafkajs
 * cannot rejoin under the same member id.
 *
 * Resolves also if that fails: then the rebalance waits.
 */
export async function removeFormerMember(
  settings: KafkaSettings,
  log: Log,
  memberId: string,
): Promise<void> {
  const cluster = clusterOf(createClient(settings, log))
  try {
    const leaving = leave(cluster, settings.groupId, memberId)
    await withTimeout(leaving, settings.requestTimeoutMs, 'leaving the consumer group')
  } catch (error) {
    // in most cases the group no longer has that member
    log.debug({ error: String(error) }, 'could not remove our former member from the group')
  } finally {
    cluster.disconnect().catch(() => {}) // in the background: nothing depends on it
  }
}

async function leave(cluster: Cluster, groupId: string, memberId: string): Promise<void> {
  await cluster.connect()
  await cluster.refreshMetadata()
  const coordinator = await cluster.findGroupCoordinator({ groupId })
  await coordinator.leaveGroup({ groupId, memberId })
}
