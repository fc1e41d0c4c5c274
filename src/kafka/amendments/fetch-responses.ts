/**
 * Amendment: fetch responses.
 *
 * Wrong in kafkajs' decoder of record batches:
 * - it inflates without a limit (tulios/kafkajs#1795), and knows no codec but gzip (#1141);
 * - it throws a RangeError on a batch of some 100,000 records (#1723);
 * - its time grows with the square of the number of a record's headers, and a header that is
 *   named `constructor` gets a value from `Object.prototype`;
 * - it fetches a batch that compaction emptied again and again (#1072);
 * - it drops at most one aborted transaction per record, and so lets records of interleaved
 *   aborted transactions through.
 * Changed: the brokers of our own clients decode with `decodeFetchResponse`, within the limits of
 * the client. A broker from before Kafka 0.11 is refused: its record sets have another format.
 * Can go when: a release fixes all of this.
 */
import {
  decodeFetchResponse,
  type FetchLimits,
  OLDEST_FETCH_VERSION,
} from '../wire/fetch-response.ts'
import { hooksOf, type OfClient } from './client-hooks.ts'
import { type Load, loadPart, loadPrototype } from './kafkajs-parts.ts'

export function amendFetchResponses(load: Load): void {
  const broker = loadPrototype<Broker>(load, 'broker', { fetch: 1 })
  const errors = loadPart<Errors>(load, 'errors', { KafkaJSServerDoesNotSupportApiKey: 1 })
  const { fetch } = broker
  broker.fetch = async function (options) {
    const hooks = hooksOf(this)
    if (hooks === undefined) return await fetch.call(this, options)
    // `fetch` asks for the protocol of the version that the broker speaks: it gets another decoder
    const lookupRequest: Broker['lookupRequest'] = (apiKey, definition) => {
      const protocol = this.lookupRequest(apiKey, definition)
      return (request) => withDecoder(protocol(request), hooks.fetchLimits, errors)
    }
    return await fetch.call(
      Object.create(this, { lookupRequest: { value: lookupRequest } }),
      options,
    )
  }
}

function withDecoder(protocol: Protocol, limits: FetchLimits, errors: Errors): Protocol {
  const { apiKey, apiName, apiVersion } = protocol.request
  if (apiVersion < OLDEST_FETCH_VERSION) {
    throw new errors.KafkaJSServerDoesNotSupportApiKey(
      'The broker is older than Kafka 0.11, which is not supported: upgrade it',
      { apiKey, apiName },
    )
  }
  const { parse } = protocol.response
  const decode = (bytes: Buffer) => decodeFetchResponse(bytes, apiVersion, limits)
  return { ...protocol, response: { decode, parse } }
}

interface Broker extends OfClient {
  fetch(this: Broker, options: object): Promise<unknown>
  lookupRequest(apiKey: number, definition: object): (request: object) => Protocol
}

interface Protocol {
  readonly request: {
    readonly apiKey: number
    readonly apiName: string
    readonly apiVersion: number
  }
  readonly response: {
    decode(bytes: Buffer): Promise<object>
    /** Throws what the error codes of the response stand for. */
    readonly parse: unknown
  }
}

interface Errors {
  readonly KafkaJSServerDoesNotSupportApiKey: new (
    message: string,
    api: { readonly apiKey: number; readonly apiName: string },
  ) => Error
}
