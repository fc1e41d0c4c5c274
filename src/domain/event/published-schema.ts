/**
 * The contract, published for producers in any language: a JSON Schema of the event, and an
 * AsyncAPI document of the topics. Both are generated from the zod schema and the reasons.
 */
import { z } from 'zod'
import { REASON_MEANINGS, REASONS } from '../problem.ts'
import { ERASE_HEADER } from './erasure.ts'
import { groupEventSchema, MAX_ID_BYTES } from './event.ts'

/** Returns the JSON Schema (2020-12) of a group event as producers write it. */
export function eventJsonSchema(): object {
  return jsonSchema('draft-2020-12')
}

/** Returns the AsyncAPI 3.0 document: the messages of the event topic and of the dead-letter topic. */
export function asyncApiDocument(): object {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'group-traits',
      version: '1.0.0',
      description: ABOUT,
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    channels: {
      groups: {
        address: 'groups',
        title: 'Group events',
        description:
          'The topic that the worker reads (`KAFKA_TOPIC`). Any partitioning is correct; records keyed by group id are fastest.',
        messages: messages('groupEvent', 'erasure'),
      },
      'groups.dead-letters': {
        address: 'groups.dead-letters',
        title: 'Dead letters',
        description:
          'Every rejected record (`KAFKA_DEAD_LETTER_TOPIC`), written at least once. Original topic, partition and offset identify a record: use them to find duplicates.',
        messages: messages('deadLetter'),
      },
    },
    operations: {
      readGroupEvents: operation('receive', 'groups', 'groupEvent', 'erasure'),
      writeDeadLetters: operation('send', 'groups.dead-letters', 'deadLetter'),
    },
    components: {
      messages: { groupEvent: groupEventMessage(), erasure: ERASURE, deadLetter: DEAD_LETTER },
    },
  }
}

function jsonSchema(target: 'draft-2020-12' | 'draft-7'): Record<string, unknown> {
  return z.toJSONSchema(groupEventSchema, { target, io: 'input', unrepresentable: 'any' })
}

const ABOUT = `Keeps the latest state of every group in Redis: its traits and its members.

For each trait the value with the latest \`timestamp\` wins, regardless of the order in which events arrive and of how often they are delivered. At equal timestamps the greater value by UTF-8 bytes wins, and a value wins over a removal. A record that is not a valid event is written to the dead-letter topic with the reason.`

const GROUP_KEY = {
  kafka: {
    key: {
      type: 'string',
      description: `The id of the group, exactly: 1 to ${MAX_ID_BYTES} bytes of UTF-8, not blank.`,
      pattern: '\\S',
      maxLength: MAX_ID_BYTES,
    },
    bindingVersion: '0.5.0',
  },
}

/** AsyncAPI's own dialect of JSON Schema is draft 7. */
function groupEventMessage(): object {
  const { $schema: _, examples, ...payload } = jsonSchema('draft-7')
  return {
    name: 'groupEvent',
    title: 'Group event',
    summary: 'Says that a user belongs to a group, and what the traits of the group are.',
    description:
      'JSON in UTF-8, plain or framed by a Confluent JSON Schema serializer. The key is ignored; the id of the group is the best key.',
    contentType: 'application/json',
    payload,
    bindings: GROUP_KEY,
    examples: (examples as object[]).map((example) => ({ payload: example })),
  }
}

const ERASURE = {
  name: 'erasure',
  title: 'Erasure',
  summary: 'Erases a group as of a time, for good.',
  description:
    'A record with a null value, whose key is the exact id of the group. Every value, removal and membership as of that time or before is deleted, and stays deleted when old events are replayed. By default, a null value without the header is rejected and erases nothing.',
  payload: { type: 'null' },
  headers: {
    type: 'object',
    required: [ERASE_HEADER],
    properties: {
      [ERASE_HEADER]: {
        type: 'string',
        description:
          'The time as of which the group is erased, in any form of `timestamp`. If empty: the Kafka timestamp of the record.',
      },
    },
  },
  bindings: GROUP_KEY,
  examples: [
    { summary: 'As of a time', headers: { [ERASE_HEADER]: '2020-11-23T22:28:55.111Z' } },
    { summary: 'As of the Kafka timestamp of the record', headers: { [ERASE_HEADER]: '' } },
  ],
}

const text = (description: string) => ({ type: 'string', description })
const decimal = (description: string) => ({ type: 'string', pattern: '^\\d+$', description })

const DEAD_LETTER = {
  name: 'deadLetter',
  title: 'Dead letter',
  summary: 'A rejected record, with its origin and the reason.',
  description:
    'It has the key, the value (the exact bytes), the headers and the timestamp of the rejected record. The headers below follow the headers of the record, so if a header is present more than once, the last one counts.',
  contentType: 'application/octet-stream',
  payload: { description: 'The exact bytes of the rejected record.' },
  headers: {
    type: 'object',
    required: [
      '__connect.errors.topic',
      '__connect.errors.partition',
      '__connect.errors.offset',
      'group-traits.reason',
      'group-traits.path',
    ],
    properties: {
      '__connect.errors.topic': text('The topic of the rejected record.'),
      '__connect.errors.partition': decimal('The partition of the rejected record.'),
      '__connect.errors.offset': decimal('The offset of the rejected record.'),
      '__connect.errors.connector.name': text('The consumer group of the worker.'),
      '__connect.errors.stage': text('The closest stage of Kafka Connect.'),
      '__connect.errors.exception.class.name': text('The same as `group-traits.reason`.'),
      '__connect.errors.exception.message': text('What is wrong and what is expected, for people.'),
      'group-traits.reason': { type: 'string', enum: REASONS, description: reasons() },
      'group-traits.path': text(
        'Where the problem is: a JSON Pointer into the event. `/$key` is the key of the record, `/$headers/…` one of its headers. Empty: the whole record.',
      ),
      'group-traits.value-omitted': text(
        'Why the value is missing, if it is: `too-large` (the broker did not accept it) or `undecodable` (it could not be read).',
      ),
      'group-traits.original-timestamp': decimal(
        'The Kafka timestamp of the rejected record in milliseconds, if the broker did not accept it for the dead letter.',
      ),
      'group-traits.last-offset': decimal(
        'The offset of the last record, if one dead letter represents several records.',
      ),
    },
  },
  examples: [
    {
      summary: 'An event without a time',
      headers: {
        '__connect.errors.topic': 'groups',
        '__connect.errors.partition': '3',
        '__connect.errors.offset': '1042',
        '__connect.errors.connector.name': 'group-traits',
        '__connect.errors.stage': 'VALUE_CONVERTER',
        '__connect.errors.exception.class.name': 'missing_field',
        '__connect.errors.exception.message': 'timestamp is missing',
        'group-traits.reason': 'missing_field',
        'group-traits.path': '/timestamp',
      },
      payload: { group_id: 'account123', user_id: 'user123', traits: { plan: 'pro' } },
    },
  ],
}

function reasons(): string {
  const lines = REASONS.map((reason) => `- \`${reason}\`: ${REASON_MEANINGS[reason]}`)
  return `Why the record was rejected. The reasons in the order of precedence:\n${lines.join('\n')}`
}

function messages(...names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]))
}

function operation(action: 'send' | 'receive', channel: string, ...names: string[]): object {
  return {
    action,
    channel: { $ref: `#/channels/${channel}` },
    messages: names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` })),
  }
}
