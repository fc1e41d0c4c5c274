/**
 * Amends kafkajs 2.2.4. There has been no release since 2023, so what is wrong in it stays wrong.
 *
 * Each file beside this one holds one amendment, and opens with what is wrong, what is changed,
 * and when the amendment can go. test/unit/kafka/amendments has a test for each, by its name.
 */
import { amendBrokerPool } from './broker-pool.ts'
import { amendFetchResponses } from './fetch-responses.ts'
import { assertVersion, type Load, loadModule } from './kafkajs-parts.ts'
import { amendMetadataVersion } from './metadata-version.ts'
import { amendOffsetRecovery } from './offset-recovery.ts'
import { amendRequestQueue } from './request-queue.ts'
import { amendTopicIds } from './topic-ids.ts'

/**
 * Amends kafkajs for this process. Later calls do nothing, or throw the same error again.
 *
 * @throws NotRetriable if another kafkajs is installed than the amendments were written for
 */
export function amendKafkajs(): void {
  outcome ??= attempt()
  if (outcome.error !== undefined) throw outcome.error
}

let outcome: { readonly error?: unknown } | undefined

function attempt(): { readonly error?: unknown } {
  try {
    applyAmendments(loadModule)
    return {}
  } catch (error) {
    return { error }
  }
}

/** @param load loads the modules to amend, each only once */
export function applyAmendments(load: Load): void {
  assertVersion(load)
  amendFetchResponses(load)
  amendRequestQueue(load)
  amendBrokerPool(load)
  amendOffsetRecovery(load)
  amendMetadataVersion(load)
  amendTopicIds(load)
}
