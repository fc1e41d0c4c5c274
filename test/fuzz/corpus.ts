/** The records that are mutated: as producers send them, valid or nearly valid. */
import { ERASE_HEADER } from '../../src/domain/event/erasure.ts'
import { SAMPLE_EVENT } from '../../src/domain/event/sample.ts'
import type { KafkaRecord } from '../../src/domain/record.ts'

const TRAITS = {
  name: 'Acme',
  industry: null,
  plan: 'enterprise',
  employees: 250,
  email: 'office@acme.example',
  website: 'https://acme.example/',
  address: { city: 'Ulm', country: 'Germany', postalCode: 89073, state: null, lat: 48.4 },
  features: ['reports', { sso: true, seats: 1e21 }],
}

const IDS = { group_id: 'account123', user_id: 'user123' }

/** Events as our contract, the Segment and RudderStack destinations and the SDKs write them. */
const EVENTS: readonly object[] = [
  SAMPLE_EVENT,
  { ...IDS, traits: TRAITS, timestamp: '2025-11-23T22:28:55.111222333+05:30' },
  { ...IDS, traits: {}, timestamp: 1_606_170_535.999, assigned: false },
  { groupId: 4711, userId: -1, traits: { plan: null }, timestamp: 1_606_170_535_999, context: {} },
  {
    type: 'group',
    groupId: 'account123',
    userId: '',
    anonymousId: 'b2f6a1a0-6d5c-4b0e-9d9e-3c1f5a7e8d10',
    traits: TRAITS,
    channel: 'web',
    context: { library: { name: 'analytics.js', version: '2.1' }, ip: '127.0.0.1' },
    integrations: { All: true },
    messageId: 'ajs-1',
    originalTimestamp: '2025-06-01T10:00:00.000Z',
    timestamp: '2025-06-01T10:00:00.000Z',
  },
  { type: 'group', groupId: 'g', userId: 'u', timestamp: '2025-06-01' },
  { type: 'track', event: 'Signed Up', userId: 'u', timestamp: '2025-06-01' },
  { ...IDS, groupId: 'account123', userId: 'user123', traits: { a: 1 }, timestamp: '2025-01-01' },
  {
    group_id: '} {%\u0001é😀',
    user_id: '{u}',
    traits: { '😀': '\u0000', constructor: {} },
    timestamp: '2024-02-29 23:59Z',
  },
]

const TEXTS = [
  '{"group_id":"g","user_id":"u","traits":{"__proto__":{"a":1},"1":1,"0":2,"n":9007199254740993},"timestamp":1606170535999111}',
  '{ "group_id" : "g" ,\n"user_id":"u\\u00e9\\ud83d\\ude00", "traits":{"a":"\\"\\\\\\n","b":[1.50,-0,1e400]},"timestamp":"2025-01-01T00:00:00.123456789Z"}',
  '[{"group_id":"g","user_id":"u","traits":{},"timestamp":0}]',
  ...EVENTS.map((event) => JSON.stringify(event)),
]

/** Values of records: plain, after a byte order mark, and framed by Confluent's serializer. */
export const VALUES: readonly Buffer[] = TEXTS.map((text) => Buffer.from(text)).flatMap((value) => [
  value,
  value,
  value,
  Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), value]),
  Buffer.concat([Buffer.from([0, 0, 0, 4, 210]), value]),
])

/** The time at which all records were received: 2026-01-01, in milliseconds. */
export const NOW_MS = Date.UTC(2026, 0, 1)

const frame = { offset: '0', timestamp: String(NOW_MS), key: Buffer.from('account123') }

const ERASE_TIMES = [
  '',
  '2024-02-01T00:00:00Z',
  '1706745600',
  '1706745600000',
  '1e300',
  '2030-01-01',
]

/** Records without a value: erasures with various times, and null values by accident. */
const ERASURES: readonly KafkaRecord[] = [
  ...ERASE_TIMES.map((time) => ({
    ...frame,
    value: null,
    headers: { [ERASE_HEADER]: Buffer.from(time) },
  })),
  { ...frame, value: null, headers: { [ERASE_HEADER]: [Buffer.from('x'), Buffer.from('')] } },
  { ...frame, value: null },
]

/** The headers of a dead letter that is produced to the topic again by hand. */
const DEAD_LETTER_HEADERS = {
  '__connect.errors.topic': Buffer.from('groups'),
  '__connect.errors.offset': [Buffer.from('1'), Buffer.from('2')],
  'group-traits.reason': Buffer.from('missing_field'),
  ['__proto__']: Buffer.from('x'),
}

export const RECORDS: readonly KafkaRecord[] = [
  ...VALUES.map((value) => ({ ...frame, value })),
  ...VALUES.map((value) => ({ ...frame, value })),
  ...VALUES.slice(0, 10).map((value) => ({ ...frame, value, headers: DEAD_LETTER_HEADERS })),
  ...ERASURES,
]
