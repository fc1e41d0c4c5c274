/** Reads the metadata of a topic, and creates topics. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../pipeline/ports.ts'
import { askCluster } from '../client/admin.ts'
import { hasType } from '../client/error-translation.ts'
import { type Admin, kafkajs } from '../client/kafkajs.ts'
import type { KafkaSettings } from '../client/settings.ts'

/** Returns how many partitions the topic has; 0 if it does not exist. */
export async function countPartitions(admin: Admin, topic: string): Promise<number> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]?.partitions.length ?? 0
  } catch (error) {
    if (hasType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return 0
    throw error
  }
}

/** Returns the settings of the topic by name; undefined without the right to read them. */
export async function topicConfig(
  admin: Admin,
  topic: string,
  log: Log,
): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const type = kafkajs.ConfigResourceTypes.TOPIC
    const resources = [{ type, name: topic }]
    const described = await admin.describeConfigs({ resources, includeSynonyms: false })
    const entries = described.resources[0]?.configEntries ?? []
    return new Map(entries.map(({ configName, configValue }) => [configName, configValue]))
  } catch (error) {
    if (!hasType(error, 'TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED')) throw error
    log.debug(
      { topic },
      'cannot check the settings of the topic: the right DESCRIBE_CONFIGS is missing',
    )
    return undefined
  }
}

const POLL_MS = 100

/**
 * Creates the topic, and resolves once the brokers know it. It may wait for ever: the caller sets a
 * timeout.
 *
 * @returns false if the topic exists already
 */
export async function createTopic(
  admin: Admin,
  topic: string,
  numPartitions: number,
  config: Readonly<Record<string, string>>,
): Promise<boolean> {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
  try {
    // -1: the default of the brokers
    const topics = [{ topic, numPartitions, replicationFactor: -1, configEntries }]
    // not waitForLeaders: kafkajs fails if it asks a broker that does not know the topic yet
    const isNew = await admin.createTopics({ topics, waitForLeaders: false })
    while ((await countPartitions(admin, topic)) === 0) await sleep(POLL_MS)
    return isNew
  } catch (error) {
    if (hasType(error, 'TOPIC_ALREADY_EXISTS')) return false
    throw error
  }
}

/**
 * Creates the topic that events are read from, if it is missing.
 *
 * @returns whether it was missing
 * @throws NotRetriable without the right to create it; Unavailable
 */
export function createMissingTopic(
  settings: KafkaSettings,
  numPartitions: number,
  log: Log,
): Promise<boolean> {
  const { topic } = settings
  const question = {
    doing: `creating topic ${topic}`,
    advice: `create it yourself, or grant CREATE on topic ${topic}`,
  }
  return askCluster(settings, log, question, (admin) =>
    admin.createTopics({ topics: [{ topic, numPartitions }] }),
  )
}
