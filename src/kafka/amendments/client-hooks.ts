/**
 * What the amendments know of the client that they run in.
 *
 * An amendment changes code that all clients of the process share, but each client has limits and
 * listeners of its own. kafkajs creates one root logger per client, `client.logger()`, and passes
 * it to every cluster and broker of that client as `rootLogger`. It is the only object that
 * reaches all of them, so it identifies the client here; nothing is logged through it.
 */
import type { Kafka } from 'kafkajs'
import type { FetchLimits } from '../wire/fetch-response.ts'

export interface ConsumerListeners {
  /**
   * Called before a consumer joins its group, with the id of the topic that it is going to read;
   * undefined if the brokers assign no topic ids.
   */
  readonly onTopicId?: (topicId: string | undefined) => void
  /** Called when the position of a consumer is not in the topic, before kafkajs resets it. */
  readonly onOffsetOutOfRange?: (partition: number, position: bigint) => void
}

export interface ClientHooks extends ConsumerListeners {
  readonly fetchLimits: FetchLimits
}

export function setHooks(client: Kafka, hooks: ClientHooks): void {
  hooksByLogger.set(client.logger(), hooks)
}

/** @returns undefined for a client that is not ours: it keeps what kafkajs does */
export function hooksOf({ rootLogger }: OfClient): ClientHooks | undefined {
  return hooksByLogger.get(rootLogger)
}

/** A cluster or a broker of kafkajs. */
export interface OfClient {
  readonly rootLogger: object
}

const hooksByLogger = new WeakMap<object, ClientHooks>()
