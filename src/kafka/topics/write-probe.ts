import { NotRetriable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import { createClient } from '../client/client.ts'
import { hasType, translate } from '../client/error-translation.ts'
import { type Cluster, clusterOf } from '../client/kafkajs.ts'
import { rightsToWrite } from '../client/rights.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { withTimeout } from '../client/timeout.ts'

/** No topic has this partition. Brokers check the right to write before they look for it. */
const NO_PARTITION = 2 ** 31 - 1

/**
 * Checks that we may write to the topic, without writing anything: it sends a record to a partition
 * that does not exist. Resolves also if the check fails with an outage.
 *
 * @throws NotRetriable, with the right that is missing
 */
export async function assertWritable(
  settings: KafkaSettings,
  log: Log,
  topic: string,
): Promise<void> {
  const doing = `writing to topic ${topic}`
  const cluster = clusterOf(createClient(settings, log))
  try {
    await withTimeout(probe(cluster, topic), 2 * settings.requestTimeoutMs, doing)
  } catch (error) {
    if (hasType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return
    const known = translate(error, doing, rightsToWrite(settings, topic))
    // any other error is left to the first write
    if (known instanceof NotRetriable) throw known
    log.debug({ topic, error: known.message }, 'could not check the right to write')
  } finally {
    cluster.disconnect().catch(() => {}) // in the background: nothing depends on it
  }
}

async function probe(cluster: Cluster, topic: string): Promise<void> {
  await cluster.connect()
  await cluster.addTargetTopic(topic)
  const [partition] = cluster.findTopicPartitionMetadata(topic)
  const broker = await cluster.findBroker({ nodeId: partition?.leader ?? 0 })
  const nothing = {
    partition: NO_PARTITION,
    firstSequence: 0,
    messages: [{ key: null, value: null }],
  }
  await broker.produce({ acks: -1, timeout: 1000, topicData: [{ topic, partitions: [nothing] }] })
}
