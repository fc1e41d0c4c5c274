/**
 * A record as the Kafka client returns it: the same object, so that nothing is copied between
 * the wire and the decoder.
 */
export interface KafkaRecord {
  /** Decimal digits. */
  readonly offset: string
  /** Milliseconds since 1970 in decimal digits; `-1` if the record has none. */
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: RecordHeaders | undefined
}

/** Values by name; a list if the header is present several times. */
export type RecordHeaders = Readonly<Record<string, HeaderValue | HeaderValue[] | undefined>>
type HeaderValue = Buffer | string

/** Returns the last value of a header, empty if its value is null; undefined without the header. */
export function lastHeader(record: KafkaRecord, name: string): Buffer | undefined {
  const headers = record.headers
  if (headers === undefined || !Object.hasOwn(headers, name)) return undefined
  const given = headers[name]
  const value = Array.isArray(given) ? given.at(-1) : given
  // Kafka allows headers without a value; kafkajs returns null for them, against its own types
  return value === undefined ? undefined : Buffer.from(value ?? '')
}
