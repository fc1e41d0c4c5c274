import { describe, expect, test } from 'vitest'
import { clusterOf } from '../../../../src/kafka/client/kafkajs.ts'
import { amendedKafkajs } from './fresh-kafkajs.ts'

const TOPIC = 'groups'

describe('amendment: topic ids', () => {
  test('the topic id is reported before the group is joined', async () => {
    const steps: string[] = []
    const { group } = createGroup('id', steps)
    await expect(group.joinAndSync()).rejects.toThrow('the join ends here')
    expect(steps).toEqual(['refreshed', 'topic id id', 'joining'])
  })

  test('a consumer joins again once the topic has another id', async () => {
    const { group, topic } = createGroup('former')
    await group.joinAndSync().catch(() => {})
    expect(() => group.checkForStaleAssignment()).not.toThrow()
    topic.id = 'new'
    expect(() => group.checkForStaleAssignment()).toThrow(
      expect.objectContaining({
        name: 'KafkaJSStaleTopicMetadataAssignment',
        message: 'The topic was recreated',
      }),
    )
  })

  test.each([
    ['id', undefined],
    [undefined, 'id'],
  ])('a topic id that is missing is no change: %s, then %s', async (before, after) => {
    const { group, topic } = createGroup(before)
    await group.joinAndSync().catch(() => {})
    topic.id = after
    expect(() => group.checkForStaleAssignment()).not.toThrow()
  })

  test.each([
    ['group-traits id', '7'],
    ['group-traits', '7'],
    ['', '7'],
    ['group-traits former', 'earliest'],
  ])('a commit with the metadata "%s" begins reading at %s', async (metadata, position) => {
    const { part, createClient } = amendedKafkajs()
    const Offsets = part<new (options: object) => OffsetManager>('consumer/offsetManager')
    const cluster = Object.assign(clusterOf(createClient()), {
      findTopicPartitionMetadata: () => [{ topicId: 'id' }],
      fetchTopicsOffset: async () => [
        { topic: TOPIC, partitions: [{ partition: 0, offset: 'earliest' }] },
      ],
    })
    const commits = [{ partition: 0, offset: '7', metadata }]
    const coordinator = {
      isConnected: () => true,
      offsetFetch: async () => ({ responses: [{ topic: TOPIC, partitions: commits }] }),
    }
    const memberAssignment = { [TOPIC]: [0] }
    const offsets = new Offsets({
      cluster,
      coordinator,
      memberAssignment,
      topicConfigurations: {},
      groupId: 'g',
    })
    await offsets.resolveOffsets()
    expect(offsets.committedOffsets()).toEqual({ [TOPIC]: { 0: position } })
  })
})

interface OffsetManager {
  resolveOffsets(): Promise<void>
  committedOffsets(): object
}

interface ConsumerGroup {
  joinAndSync(): Promise<void>
  checkForStaleAssignment(): void
}

/** A member whose joins fail once they ask for the coordinator. */
function createGroup(topicId: string | undefined, steps: string[] = []) {
  const topic = { id: topicId }
  const { part, createClient } = amendedKafkajs()
  const client = createClient({ onTopicId: (id) => steps.push(`topic id ${id}`) })
  const cluster = Object.assign(clusterOf(client), {
    refreshMetadataIfNecessary: async () => steps.push('refreshed'),
    findTopicPartitionMetadata: () => [{ topicId: topic.id }],
    findGroupCoordinator: async () => {
      steps.push('joining')
      throw new Error('the join ends here')
    },
  })
  const Group = part<new (options: object) => ConsumerGroup>('consumer/consumerGroup')
  const group = new Group({ cluster, logger: client.logger(), topics: [TOPIC], retry: {} })
  return { group, topic }
}
