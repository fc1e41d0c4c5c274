/** What is looked at before anything starts, so that what is wrong is told at once. */
import { NotRetriable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import { askCluster } from '../client/admin.ts'
import { translate } from '../client/failures.ts'
import type { Admin } from '../client/kafkajs.ts'
import { rightsToRead, rightsToWrite } from '../client/rights.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { countPartitions, createTopic, topicConfig } from './topic-facts.ts'
import { assertWritable } from './write-probe.ts'

/**
 * Whether the topic is there and may be read, and the group be joined; warns of compaction.
 *
 * @throws NotRetriable, naming what is missing and the command that makes or grants it; Unavailable
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
        `topic ${topic} is compacted: it keeps the last record of a key, not the latest event ` +
          'of each trait, so a rebuild from it can lose some. Set cleanup.policy=delete',
      )
    }
  })
}

/**
 * Whether the topic is there and may be written to.
 *
 * @throws NotRetriable, naming what is missing and the command that makes or grants it; Unavailable
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
 * Makes the dead-letter topic where it is missing; where it is there, warns of settings that
 * dead letters would not outlive.
 *
 * @throws NotRetriable, naming the command that makes the topic or grants the right; Unavailable
 */
export async function ensureDeadLetterTopic(settings: KafkaSettings, log: Log): Promise<void> {
  const { deadLetterTopic: topic } = settings
  const doing = `preparing dead-letter topic ${topic}`
  const config = Object.entries(WANTED).map(([name, value]) => ` --config ${name}=${value}`)
  const advice =
    `Create it: ${createCommand(settings, topic)}${config.join('')}. ` +
    rightsToWrite(settings, topic)
  await askCluster(settings, log, { doing, advice }, async (admin) => {
    if ((await countPartitions(admin, topic)) > 0) {
      await warnOfLoss(admin, topic, log)
      return
    }
    const partitions = await partitionsOf(admin, settings)
    const isNew = await createTopic(admin, topic, partitions, WANTED)
    if (isNew) log.info({ topic, partitions }, `made the dead-letter topic ${topic}`)
  })
  await assertWritable(settings, log, topic)
}

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
/** Kept for ever, and as large as a record may be anywhere. */
const WANTED = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'max.message.bytes': String(MAX_MESSAGE_BYTES),
}

async function warnOfLoss(admin: Admin, topic: string, log: Log): Promise<void> {
  const config = await topicConfig(admin, topic, log)
  if (config === undefined) return
  const keepsAll =
    config.get('cleanup.policy') === 'delete' &&
    config.get('retention.ms') === '-1' &&
    config.get('retention.bytes') === '-1'
  if (!keepsAll) {
    log.warn(
      { topic },
      `dead letters do not stay in ${topic} for ever: set cleanup.policy=delete, ` +
        'retention.ms=-1 and retention.bytes=-1',
    )
  }
  const maxBytes = Number(config.get('max.message.bytes'))
  if (maxBytes < MAX_MESSAGE_BYTES) {
    log.warn(
      { topic, maxBytes },
      `${topic} takes ${maxBytes} bytes at most: larger dead letters go without their value. ` +
        `Set max.message.bytes=${MAX_MESSAGE_BYTES}`,
    )
  }
}

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
