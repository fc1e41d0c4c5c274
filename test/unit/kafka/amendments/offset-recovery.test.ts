import { describe, expect, test } from 'vitest'
import { clusterOf } from '../../../../src/kafka/client/kafkajs.ts'
import { amendedKafkajs } from './fresh-kafkajs.ts'

const ERROR = { topic: 'groups', partition: 3 }

describe('amendment: offset recovery', () => {
  test('the former position is reported before it is reset, to the listener of that client', async () => {
    const steps: string[] = []
    const kafkajs = amendedKafkajs()
    kafkajs.createClient({ onOffsetOutOfRange: () => steps.push('reported to another client') })
    const client = kafkajs.createClient({
      onOffsetOutOfRange: (partition, position) => steps.push(`${partition} was at ${position}`),
    })
    const group = createGroup(kafkajs, client, steps)
    await group.recoverFromOffsetOutOfRange(ERROR)
    expect(steps).toEqual(['3 was at 9007199254740993', 'reset'])
  })

  test('where kafkajs asks the leader instead of a follower, nothing is reported or reset', async () => {
    const steps: string[] = []
    const kafkajs = amendedKafkajs()
    const client = kafkajs.createClient({ onOffsetOutOfRange: () => steps.push('reported') })
    const group = createGroup(kafkajs, client, steps)
    group.preferredReadReplicasPerTopicPartition = { groups: { 3: 1 } }
    await group.recoverFromOffsetOutOfRange(ERROR)
    expect(steps).toEqual([])
  })

  test('a client that is not ours is left alone', async () => {
    const steps: string[] = []
    const kafkajs = amendedKafkajs()
    const group = createGroup(kafkajs, kafkajs.createForeignClient(), steps)
    await group.recoverFromOffsetOutOfRange(ERROR)
    expect(steps).toEqual(['reset'])
  })
})

interface ConsumerGroup {
  offsetManager: object
  preferredReadReplicasPerTopicPartition: object
  recoverFromOffsetOutOfRange(error: object): Promise<void>
}

function createGroup(
  { part, createClient }: ReturnType<typeof amendedKafkajs>,
  client: ReturnType<typeof createClient>,
  steps: string[],
): ConsumerGroup {
  const Group = part<new (options: object) => ConsumerGroup>('consumer/consumerGroup')
  const group = new Group({ cluster: clusterOf(client), logger: client.logger() })
  group.offsetManager = {
    nextOffset: () => '9007199254740993',
    setDefaultOffset: async () => steps.push('reset'),
  }
  return group
}
