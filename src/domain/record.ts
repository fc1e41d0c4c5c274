/**
 * What Kafka delivers, in the shape in which the client hands it over: nothing is copied
 * on the way from the wire to the decoder.
 */
export interface KafkaRecord {
  /** Position in its partition, in decimal digits. */
  readonly offset: string
  /** Milliseconds since 1970 in decimal digits; `-1` where the record has none. */
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: RecordHeaders | undefined
}

/** A header may be given several times: then its values are a list. */
export type RecordHeaders = Readonly<Record<string, HeaderValue | HeaderValue[] | undefined>>
type HeaderValue = Buffer | string

/** The last value of a header as bytes, empty where the header is there without one. */
export function lastHeader(record: KafkaRecord, name: string): Buffer | undefined {
  const headers = record.headers
  if (headers === undefined || !Object.hasOwn(headers, name)) return undefined
  const given = headers[name]
  const value = Array.isArray(given) ? given.at(-1) : given
  // Kafka knows headers without a value, and kafkajs gives null for them; its types do not tell
  return value === undefined ? undefined : Buffer.from(value ?? '')
}
