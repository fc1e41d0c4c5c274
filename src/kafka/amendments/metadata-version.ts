/**
 * Amendment: metadata version.
 *
 * Wrong in kafkajs: it asks for metadata in version 6 at most, and topic ids (KIP-516, Kafka 2.8)
 * come with version 10 only.
 * Changed: brokers that know version 10 are asked for it. Every partition in the metadata then
 * carries the id of its topic, as kafkajs passes its partitions on whole. Older brokers are asked
 * as before.
 * Can go when: kafkajs asks for version 10 or later and passes the topic id on.
 */
import {
  decodeMetadataResponse,
  encodeMetadataRequest,
  METADATA_VERSION,
} from '../wire/metadata-request.ts'
import { type Load, loadPart, loadPrototype } from './kafkajs-parts.ts'

export function amendMetadataVersion(load: Load): void {
  const metadata = loadPart<RequestDefinition>(load, 'protocol/requests/metadata', {
    versions: 'array',
    protocol: 1,
  })
  const { parse } = loadPart<{ parse: unknown }>(load, 'protocol/requests/metadata/v0/response', {
    parse: 1,
  })
  const { Metadata: apiKey } = loadPart<{ Metadata: number }>(load, 'protocol/requests/apiKeys', {
    Metadata: 'number',
  })
  loadPrototype(load, 'protocol/encoder', { writeBuffer: 1 })
  const Encoder = load('kafkajs/src/protocol/encoder') as EncoderClass

  const { protocol } = metadata
  const latest = Math.max(...metadata.versions.map(Number))
  metadata.versions.push(String(METADATA_VERSION))
  metadata.protocol = ({ version }) => {
    // a broker that knows no version 10 may know others that kafkajs does not
    if (version < METADATA_VERSION) return protocol({ version: Math.min(version, latest) })
    return ({ topics, allowAutoTopicCreation = true }) => ({
      request: {
        apiKey,
        apiVersion: METADATA_VERSION,
        apiName: 'Metadata',
        encode: async () =>
          new Encoder().writeBuffer(encodeMetadataRequest(topics, allowAutoTopicCreation)),
      },
      response: { decode: async (bytes) => decodeMetadataResponse(bytes), parse },
    })
  }
}

interface RequestDefinition {
  readonly versions: string[]
  protocol(wanted: { version: number }): (question: MetadataQuestion) => {
    readonly request: object
    readonly response: { decode(bytes: Buffer): Promise<object>; readonly parse: unknown }
  }
}

interface MetadataQuestion {
  readonly topics: readonly string[]
  readonly allowAutoTopicCreation?: boolean
}

type EncoderClass = new () => { writeBuffer(bytes: Buffer): object }
