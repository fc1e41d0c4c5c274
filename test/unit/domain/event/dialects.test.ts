import { describe, expect, test } from 'vitest'
import { accept, eventText, problemsOf, word } from '../../../setup/domain/decoding.ts'

const json = JSON.stringify

/** What RudderStack's JavaScript SDK and server write to Kafka for an identified user. */
const rudderStack = {
  anonymousId: 'f1c2d3e4-0001-4abc-8def-000000000001',
  channel: 'web',
  context: {
    app: { name: 'RudderLabs JavaScript SDK', namespace: 'com.rudderlabs.javascript' },
    ip: '203.0.113.7',
    library: { name: 'RudderLabs JavaScript SDK', version: '3.7.1' },
    page: { path: '/team', url: 'https://app.example.com/team', initial_referrer: '$direct' },
    sessionId: 1763930935111,
    traits: { email: 'ann@example.com' },
    'ua-ch': { brands: [{ brand: 'Chromium', version: '130' }], mobile: false },
    userAgent: 'Mozilla/5.0',
  },
  groupId: 'acme-42',
  integrations: { All: true },
  messageId: '3f0f9bfa-7bf0-4f7e-8e3d-000000000002',
  originalTimestamp: '2025-11-23T22:28:55.100Z',
  receivedAt: '2025-11-23T22:28:56.001Z',
  request_ip: '203.0.113.7',
  rudderId: '9a8b7c6d-0003-4abc-8def-000000000003',
  sentAt: '2025-11-23T22:28:55.400Z',
  timestamp: '2025-11-23T22:28:55.701+05:30',
  traits: {
    name: 'Acme',
    industry: 'Anvils',
    employees: 450,
    plan: 'basic',
    createdAt: '2019-03-01T00:00:00.000Z',
    address: { city: 'Ulm', postalCode: 89073, country: null },
  },
  type: 'group',
  userId: 'ann',
}

/** What Segment's Kafka destination writes for a server-side call. */
const segment = {
  anonymousId: null,
  channel: 'server',
  context: { library: { name: 'analytics-node', version: '2.1.3' }, ip: '203.0.113.8' },
  groupId: '0e8c78ea9d97a7b8185e8632',
  integrations: {},
  messageId: 'node-next-1763930935111-0001',
  originalTimestamp: '2025-11-23T22:28:55.111Z',
  projectId: 'p1',
  receivedAt: '2025-11-23T22:28:55.900Z',
  sentAt: null,
  timestamp: '2025-11-23T22:28:55.111Z',
  traits: { name: 'Initech', employees: 329, website: 'https://initech.example.com' },
  type: 'group',
  userId: '97980cfea0067',
  version: 2,
  writeKey: 'wk',
}

describe('an event of RudderStack', () => {
  test('is accepted unchanged', () => {
    const event = accept(json(rudderStack))
    expect(event).toMatchObject({ groupId: 'acme-42', userId: 'ann', assigned: true })
    expect(event.clock).toBe(Date.UTC(2025, 10, 23, 16, 58, 55, 701) * 1000)
    expect(
      Object.fromEntries([...event.traits].map(([name, value]) => [name, word(value)])),
    ).toEqual({
      name: 's:Acme',
      industry: 's:Anvils',
      employees: 's:450',
      plan: 's:basic',
      createdAt: 's:2019-03-01T00:00:00.000Z',
      address: 'j:{"city":"Ulm","postal_code":"89073"}',
    })
  })

  test('of an anonymous visitor has an empty user: its traits are stored, nobody becomes a member', () => {
    const event = accept(json({ ...rudderStack, userId: '' }))
    expect(event.userId).toBeNull()
    expect(event.traits.size).toBe(6)
  })

  test('without traits says only that the user belongs to the group', () => {
    const { traits: _, ...rest } = rudderStack
    expect(accept(json(rest)).traits.size).toBe(0)
    expect(accept(json({ ...rest, traits: null })).traits.size).toBe(0)
  })

  test('of another type is ignored', () => {
    for (const type of ['identify', 'track', 'page', 'screen', 'alias']) {
      expect(problemsOf(json({ ...rudderStack, type }))).toEqual([])
    }
  })

  test('without a group has an empty id, as the SDK writes it, and is rejected', () => {
    expect(problemsOf(json({ ...rudderStack, groupId: '' }))).toEqual(['invalid_field /groupId'])
  })
})

describe('an event of Segment', () => {
  test('is accepted unchanged', () => {
    const event = accept(json(segment))
    expect(event).toMatchObject({
      groupId: '0e8c78ea9d97a7b8185e8632',
      userId: '97980cfea0067',
      clock: Date.UTC(2025, 10, 23, 22, 28, 55, 111) * 1000,
    })
    expect(event.traits.get('employees')).toBe('329')
  })

  test('of an anonymous visitor has no user', () => {
    const anonymous = { ...segment, anonymousId: 'a-1' }
    expect(accept(json({ ...anonymous, userId: null })).userId).toBeNull()
    expect(accept(json({ ...anonymous, userId: undefined })).userId).toBeNull()
  })
})

describe('an event with type: "group"', () => {
  const anonymous = { user_id: undefined, type: '"group"', anonymousId: '"a"' }

  test('may have no user if it has an anonymousId', () => {
    expect(accept(eventText(anonymous)).userId).toBeNull()
  })

  test('must have that type to omit the user or the traits', () => {
    expect(problemsOf(eventText({ ...anonymous, type: undefined }))).toEqual([
      'missing_field /user_id',
    ])
    expect(problemsOf(eventText({ ...anonymous, type: undefined, user_id: '""' }))).toEqual([
      'invalid_field /user_id',
    ])
    expect(problemsOf(eventText({ traits: undefined }))).toEqual(['missing_field /traits'])
  })

  test('must have an anonymousId to omit the user', () => {
    for (const anonymousId of [undefined, 'null']) {
      expect(problemsOf(eventText({ ...anonymous, anonymousId }))).toEqual([
        'missing_field /user_id',
      ])
      expect(problemsOf(eventText({ ...anonymous, anonymousId, user_id: '""' }))).toEqual([
        'invalid_field /user_id',
      ])
    }
  })

  test('is still rejected for a blank, invalid or conflicting user', () => {
    expect(problemsOf(eventText({ ...anonymous, user_id: '" "' }))).toHaveLength(1)
    expect(problemsOf(eventText({ ...anonymous, user_id: '{}' }))).toHaveLength(1)
    expect(problemsOf(eventText({ ...anonymous, user_id: '"a"', userId: '"b"' }))).toHaveLength(1)
  })

  test('must have a group and a timestamp', () => {
    expect(
      problemsOf(eventText({ ...anonymous, group_id: undefined, timestamp: undefined })),
    ).toEqual(['missing_field /group_id', 'missing_field /timestamp'])
  })

  test('makes a user who is named a member', () => {
    expect(accept(eventText({ ...anonymous, user_id: '"ann"' })).userId).toBe('ann')
  })
})
