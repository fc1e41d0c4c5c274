import { expect, test } from 'vitest'
import {
  decodeMetadataResponse,
  encodeMetadataRequest,
} from '../../../../src/kafka/wire/metadata-request.ts'

const ID = Buffer.from('00112233445566778899aabbccddeeff', 'hex')

test('a request names its topics, and does not ask for authorized operations', () => {
  const bytes = encodeMetadataRequest(['groups'], false)
  const topic = [...Array(16).fill(0), 7, ...Buffer.from('groups'), 0]
  expect([...bytes]).toEqual([0, 2, ...topic, 0, 0, 0, 0])
})

test('a request without topics asks for all of them', () => {
  expect([...encodeMetadataRequest([], true)]).toEqual([0, 0, 1, 0, 0, 0])
})

test('the length of a name of more than 126 bytes takes two bytes', () => {
  const bytes = encodeMetadataRequest(['t'.repeat(200)], false)
  expect([...bytes.subarray(18, 21)]).toEqual([0xc9, 0x01, 't'.charCodeAt(0)])
})

test('a response is decoded as kafkajs does, and each partition carries the topic id', () => {
  const decoded = decodeMetadataResponse(responseBytes(ID))
  expect(decoded).toEqual({
    throttleTime: 0,
    clientSideThrottleTime: 7,
    brokers: [{ nodeId: 1, host: 'kafka', port: 9092, rack: null }],
    clusterId: 'c',
    controllerId: 1,
    topicMetadata: [
      {
        topicErrorCode: 0,
        topic: 'groups',
        isInternal: false,
        partitionMetadata: [
          {
            topicId: 'ABEiM0RVZneImaq7zN3u_w',
            partitionErrorCode: 0,
            partitionId: 3,
            leader: 1,
            replicas: [1, 2],
            isr: [1],
            offlineReplicas: [],
          },
        ],
      },
    ],
  })
})

test('a topic id of zeros means that there is none', () => {
  const { topicMetadata } = decodeMetadataResponse(responseBytes(Buffer.alloc(16)))
  expect(topicMetadata[0]?.partitionMetadata[0]?.topicId).toBeUndefined()
})

test('a response that ends too early throws, wherever it is cut', () => {
  const bytes = responseBytes(ID)
  const end = bytes.length - 9 // what follows the topics is not read
  for (let length = 0; length < end; length++) {
    expect(() => decodeMetadataResponse(bytes.subarray(0, length))).toThrow(RangeError)
  }
})

/** A response with a tagged field in every place that may have one. */
function responseBytes(topicId: Buffer): Buffer {
  const tags = Buffer.from([1, 9, 2, 0xab, 0xcd])
  const text = (value: string) => Buffer.from([value.length + 1, ...Buffer.from(value)])
  const partition = Buffer.concat([
    int16(0),
    ...[3, 1, 5].map(int32), // partitionIndex, leaderId, leaderEpoch
    Buffer.concat([Buffer.from([3]), int32(1), int32(2)]),
    Buffer.concat([Buffer.from([2]), int32(1)]),
    Buffer.from([1]),
    tags,
  ])
  const authorizedOperations = int32(-(2 ** 31))
  return Buffer.concat([
    tags,
    int32(7),
    Buffer.from([2]),
    Buffer.concat([int32(1), text('kafka'), int32(9092), Buffer.from([0]), tags]),
    text('c'),
    int32(1),
    Buffer.from([2]),
    Buffer.concat([
      int16(0),
      text('groups'),
      topicId,
      Buffer.from([0, 2]),
      partition,
      authorizedOperations,
    ]),
    tags,
    authorizedOperations,
    tags,
  ])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
