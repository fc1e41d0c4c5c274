/**
 * kafkajs, amended: see the folder amendments. Nothing else of this program imports kafkajs. Its
 * version is pinned, and checked at the first use.
 */
import { createRequire } from 'node:module'
import type * as Kafkajs from 'kafkajs'

export type * from 'kafkajs'
export { amendKafkajs } from '../amendments/amendments.ts'

// `require` gives the same modules as the amendments change; `import` might not
export const kafkajs: typeof Kafkajs = createRequire(import.meta.url)('kafkajs')

/** The part of kafkajs that knows the brokers, for requests that kafkajs has no function for. */
export interface Cluster {
  connect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  findTopicPartitionMetadata(topic: string): { readonly leader: number }[]
  findBroker(node: { nodeId: number }): Promise<Broker>
  refreshMetadata(): Promise<void>
  findGroupCoordinator(group: { groupId: string }): Promise<Broker>
  disconnect(): Promise<void>
}

export interface Broker {
  produce(request: object): Promise<unknown>
  leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown>
}

/** Creates a cluster of its own, not yet connected, with the settings of the client. */
export function clusterOf(client: Kafkajs.Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(client).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  const members: Record<symbol, unknown> = { ...client }
  const createCluster = symbol && members[symbol]
  if (typeof createCluster !== 'function') {
    throw new TypeError('this kafkajs has no `private:Kafka:createCluster`: adapt clusterOf to it')
  }
  return createCluster({ allowAutoTopicCreation: false })
}
