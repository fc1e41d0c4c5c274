import type { Log } from '../../pipeline/ports.ts'
import { createClient } from './client.ts'
import { translate, withTlsHint } from './error-translation.ts'
import type { Admin } from './kafkajs.ts'
import type { KafkaSettings } from './settings.ts'
import { withTimeout } from './timeout.ts'

/**
 * Asks the cluster something over a connection of its own.
 *
 * @param doing what is being done, for the message: "checking topic groups"
 * @param advice what an operator has to do if it is denied
 * @throws Unavailable if Kafka is away; NotRetriable if the request is denied; what `ask`
 *   throws
 */
export async function askCluster<Answer>(
  settings: KafkaSettings,
  log: Log,
  { doing, advice }: { doing: string; advice: string },
  ask: (admin: Admin) => Promise<Answer>,
): Promise<Answer> {
  const admin = createClient(settings, log).admin()
  const asking = (async () => {
    await admin.connect()
    return await ask(admin)
  })()
  try {
    return await withTimeout(asking, timeoutMs(settings), doing)
  } catch (error) {
    throw withTlsHint(translate(error, doing, advice), settings.tls !== false)
  } finally {
    // in the background: the caller has its answer or error, and does not wait for this
    asking
      .catch(() => {})
      .then(() => admin.disconnect())
      .catch(() => {})
  }
}

function timeoutMs({ connectTimeoutMs, requestTimeoutMs }: KafkaSettings): number {
  return 2 * connectTimeoutMs + 2 * requestTimeoutMs
}
