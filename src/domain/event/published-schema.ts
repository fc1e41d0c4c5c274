/**
 * The contract for producers in any language: a JSON Schema of the event, and an AsyncAPI
 * document of the topics. Both come from the zod schema and the reasons, and from nowhere else.
 */
import { z } from 'zod'
import { REASON_MEANINGS, REASONS } from '../problem.ts'
import { ERASE_HEADER } from './erasure.ts'
import { groupEventSchema, MAX_ID_BYTES } from './event.ts'

/** JSON Schema, 2020-12, of a group event as producers write it. */
export function eventJsonSchema(): object {
  return jsonSchema('draft-2020-12')
}

/** AsyncAPI 3.0: what may be written to the topic of events, and what its dead letters carry. */
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
          'The topic that the worker reads (`KAFKA_TOPIC`). Any partitioning is right; keyed by group id is fastest.',
        messages: messages('groupEvent', 'erasure'),
      },
      'groups.dead-letters': {
        address: 'groups.dead-letters',
        title: 'Dead letters',
        description:
          'Every record that was rejected (`KAFKA_DEAD_LETTER_TOPIC`), at least once: tell them apart by original topic, partition and offset.',
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

const ABOUT = `Keeps the latest state of every group in Redis: its traits, each as of its own time, and its members.

For each trait the later \`timestamp\` wins, whatever order events arrive in and however often; at equal timestamps the greater value by UTF-8 bytes wins, and a value wins over a removal. A record that is no valid event goes to the dead letters with its reason.`

const GROUP_KEY = {
  kafka: {
    key: {
      type: 'string',
      description: `The exact id of the group: 1 to ${MAX_ID_BYTES} bytes of UTF-8, not blank.`,
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
    summary: 'A user belongs to a group, with what is known of the group as of a time.',
    description:
      'JSON in UTF-8, as it is or framed by a Confluent JSON Schema serializer. The key, if any, does not matter; the id of the group is best.',
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
    'A record with a null value, whose key is the exact id of the group. Every value, removal and membership as of that time or before goes, and stays gone when old events are read again. A null value without the header erases nothing.',
  payload: { type: 'null' },
  headers: {
    type: 'object',
    required: [ERASE_HEADER],
    properties: {
      [ERASE_HEADER]: {
        type: 'string',
        description:
          'As of when: a time as in `timestamp`. Empty: the Kafka timestamp of the record.',
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
  summary: 'A record that was rejected, with where it came from and why.',
  description:
    'Key, value (the exact bytes), headers and timestamp of the record, and the headers below behind its own: of a header that is there more than once, the last counts.',
  contentType: 'application/octet-stream',
  payload: { description: 'The exact bytes of the record, whatever they are.' },
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
      '__connect.errors.topic': text('The topic of the record.'),
      '__connect.errors.partition': decimal('The partition of the record.'),
      '__connect.errors.offset': decimal('The offset of the record.'),
      '__connect.errors.connector.name': text('The consumer group of the worker.'),
      '__connect.errors.stage': text('The stage of Kafka Connect that comes closest.'),
      '__connect.errors.exception.class.name': text('The reason, once more.'),
      '__connect.errors.exception.message': text('What is wrong, for people.'),
      'group-traits.reason': { type: 'string', enum: REASONS, description: reasons() },
      'group-traits.path': text(
        'What it is about: a JSON Pointer into the event; `/$key` is the key of the record, `/$headers/…` one of its headers, empty the whole.',
      ),
      'group-traits.value-omitted': text('Why the value is not there, if so.'),
      'group-traits.original-timestamp': decimal(
        'The Kafka timestamp of the record in milliseconds, where the topic did not take it.',
      ),
      'group-traits.last-offset': decimal(
        'Where one letter stands for several records: the offset of the last.',
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
  return `Why, in the order of precedence:\n${lines.join('\n')}`
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
