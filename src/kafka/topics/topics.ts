/** Checks of the topics at start, so that a wrong set-up is reported at once. */
import { NotRetriable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import { askCluster } from '../client/admin.ts'
import { translate } from '../client/error-translation.ts'
import type { Admin } from '../client/kafkajs.ts'
import { rightsToRead, rightsToWrite } from '../client/rights.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { countPartitions, createTopic, topicConfig } from './topic-facts.ts'
import { assertWritable } from './write-probe.ts'

/**
 * Checks that the topic exists, and that we may read it and join the group. Warns if the topic is
 * compacted.
 *
 * @throws NotRetriable, with the command that creates or grants what is missing; Unavailable
 */
export async function checkTopics(settings: KafkaSettings, log: Log): Promise<void> {
  const { topic, groupId } = settings
  const advice = rightsToRead(settings)
  const doing = `checking topic ${topic}`
  await askCluster(settings, log, { doing, advice }, async (admin) => {
    await partitionsOf(admin, settings)
    await admin.fetchOffsets({ groupId, topics: [topic] }).catch((error: unknown) => {
      throw translate(error, `checking consumer group ${groupId}`, advice)
    })
    const config = await topicConfig(admin, topic, log)
    if (config?.get('cleanup.policy')?.includes('compact')) {
      log.warn(
        { topic },
        `topic ${topic} is compacted: it keeps only the last record of a key, not the latest ` +
          'event of each trait, so a rebuild from it loses traits. Set cleanup.policy=delete',
      )
    }
  })
}

/**
 * Checks that the topic exists, and that we may write to it.
 *
 * @throws NotRetriable, with the command that creates or grants what is missing; Unavailable
 */
export async function checkPublishing(settings: KafkaSettings, log: Log): Promise<void> {
  const { topic } = settings
  const advice = rightsToWrite(settings, topic)
  await askCluster(settings, log, { doing: `checking topic ${topic}`, advice }, (admin) =>
    partitionsOf(admin, settings),
  )
  await assertWritable(settings, log, topic)
}

/**
 * Creates the dead-letter topic if it is missing. Otherwise warns if its settings would delete dead
 * letters, or reject large ones.
 *
 * @throws NotRetriable, with the command that creates the topic or grants the right; Unavailable
 */
export async function ensureDeadLetterTopic(settings: KafkaSettings, log: Log): Promise<void> {
  const { deadLetterTopic: topic } = settings
  const doing = `preparing dead-letter topic ${topic}`
  const config = Object.entries(DEAD_LETTER_CONFIG).map(
    ([name, value]) => ` --config ${name}=${value}`,
  )
  const advice =
    `Create it: ${createCommand(settings, topic)}${config.join('')}. ` +
    rightsToWrite(settings, topic)
  await askCluster(settings, log, { doing, advice }, async (admin) => {
    if ((await countPartitions(admin, topic)) > 0) {
      await warnOfSettings(admin, topic, log)
      return
    }
    const partitions = await partitionsOf(admin, settings)
    const isNew = await createTopic(admin, topic, partitions, DEAD_LETTER_CONFIG)
    if (isNew) log.info({ topic, partitions }, `created the dead-letter topic ${topic}`)
  })
  await assertWritable(settings, log, topic)
}

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
/** Nothing is deleted, and every record that another topic takes fits. */
const DEAD_LETTER_CONFIG = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'max.message.bytes': String(MAX_MESSAGE_BYTES),
}

async function warnOfSettings(admin: Admin, topic: string, log: Log): Promise<void> {
  const config = await topicConfig(admin, topic, log)
  if (config === undefined) return
  const keepsAll =
    config.get('cleanup.policy') === 'delete' &&
    config.get('retention.ms') === '-1' &&
    config.get('retention.bytes') === '-1'
  if (!keepsAll) {
    log.warn(
      { topic },
      `topic ${topic} deletes dead letters after a while: set cleanup.policy=delete, ` +
        'retention.ms=-1 and retention.bytes=-1',
    )
  }
  const maxBytes = Number(config.get('max.message.bytes'))
  if (maxBytes < MAX_MESSAGE_BYTES) {
    log.warn(
      { topic, maxBytes },
      `topic ${topic} takes ${maxBytes} bytes at most: larger dead letters are written without ` +
        `their value. Set max.message.bytes=${MAX_MESSAGE_BYTES}`,
    )
  }
}

/** @throws NotRetriable if the topic does not exist */
async function partitionsOf(admin: Admin, settings: KafkaSettings): Promise<number> {
  const { topic } = settings
  const partitions = await countPartitions(admin, topic)
  if (partitions > 0) return partitions
  const command = `${createCommand(settings, topic)} --partitions 6`
  throw new NotRetriable('kafka', `there is no topic ${topic} (kafka.topic). Create it: ${command}`)
}

function createCommand({ brokers }: KafkaSettings, topic: string): string {
  return `kafka-topics.sh --bootstrap-server ${brokers[0]} --create --topic ${topic}`
}
