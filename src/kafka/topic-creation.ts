import type { Log } from '../pipeline/ports.ts'
import { askCluster } from './admin.ts'
import type { KafkaSettings } from './settings.ts'

/**
 * Creates the topic that events are read from, where it is missing.
 *
 * @returns whether it was missing
 * @throws Refused without the right to; Unavailable
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
