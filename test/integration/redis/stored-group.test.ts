import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { JsonText } from '../../../src/domain/json/stored-value.ts'
import type { GroupState } from '../../../src/domain/merge/merge.ts'
import { walkGroups, walkIndex } from '../../../src/redis/reading/key-walk.ts'
import { readStoredGroup } from '../../../src/redis/reading/stored-group.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { openTestRedis } from '../../setup/redis/connection.ts'

const prefix = `stored*[${randomUUID()}]:`
const connection = openTestRedis(inject('redisUrl'), {
  groupPrefix: `${prefix}group:`,
  userPrefix: `${prefix}user:`,
})
const store = openGroupStore(connection)
const groupKey = (id: string) => `${prefix}group:{${id}}`

afterAll(async () => {
  const pattern = `${prefix.replaceAll(/[*[\]]/g, '\\$&')}*`
  await connection.client.del(await connection.client.keys(pattern))
  connection.close()
})

describe('reading a whole group', () => {
  const patch = patchOf('small', {
    clock: 7,
    traits: { plan: 'pro', size: new JsonText('5'), old: null },
    users: { ann: true, bob: false },
  })

  test('returns the merged state, whatever the page size', async () => {
    const crowd = Object.fromEntries(Array.from({ length: 700 }, (_, i) => [`u${i}`, i % 3 > 0]))
    const traits = Object.fromEntries(Array.from({ length: 700 }, (_, i) => [`t${i}`, `v${i}`]))
    const large = patchOf('large', { clock: 8, traits, users: crowd })
    await store.merge([patch, large])
    for (const merged of [patch, large]) {
      for (const size of [1, 10, 1000]) {
        const sizes = { fields: size, users: size }
        const group = await readStoredGroup(connection, merged.groupId, ['eve'], sizes)
        expect(withMaps(group.state)).toEqual(withMaps(merged))
        expect(group).toMatchObject({ exists: true, conflict: null })
        expect([group.oddTraits.size, group.oddUsers.size]).toEqual([0, 0])
        expect(new Map(group.index)).toEqual(new Map([...merged.users, ['eve', null]]))
      }
    }
  })

  test('returns an empty state if Redis holds nothing of it', async () => {
    const { exists, state, conflict } = await readStoredGroup(connection, 'nobody', [])
    expect({ exists, conflict }).toEqual({ exists: false, conflict: null })
    expect(state).toMatchObject({ latest: -1, erasedAt: -1 })
  })

  test('reads a hundred thousand members in many pages, so that none holds Redis for long', async () => {
    const key = `${groupKey('crowd')}:members`
    for (let from = 0; from < 100_000; from += 1000) {
      const page = Array.from({ length: 1000 }, (_, i) => [from + i, `user${from + i}`])
      await connection.client.zadd(key, ...page.flat())
    }
    const before = await callsOf('zscan')
    const { state } = await readStoredGroup({ ...connection, settings: NO_INDEX }, 'crowd', [])
    expect(state.users.size).toBe(100_000)
    expect(state.users.get('user77777')).toEqual({ clock: 77_777, member: true })
    expect((await callsOf('zscan')) - before).toBeGreaterThan(100)
  })

  test('reports what no worker writes as odd', async () => {
    await store.merge([patchOf('odd', { clock: 7, traits: { a: 'x', b: null, c: 'z' } })])
    const { client } = connection
    const key = groupKey('odd')
    await client.hset(key, 'b', 'back', 'stray', 'x', Buffer.from([0xff]), 'x')
    await client.hdel(key, 'c')
    await client.zadd(`${key}:members`, 1.5, 'half', 3, 'torn')
    await client.zadd(`${key}:left`, 4, 'torn')
    for (const fields of [1, 1000]) {
      const sizes = { fields, users: fields }
      const { state, oddTraits, oddUsers } = await readStoredGroup(connection, 'odd', [], sizes)
      expect([...state.traits.keys()]).toEqual(['a'])
      expect(new Map([...oddTraits].sort())).toEqual(
        new Map([
          ['b', '"back", yet removed by its clock'],
          ['c', 'a clock without a value'],
          ['stray', '"x" without a clock'],
          ['\uD800\u00FF', '"x" without a clock'],
        ]),
      )
      expect([...oddUsers].sort()).toEqual([
        ['half', 'a score of 1.5, which is no time'],
        ['torn', 'both a member and one who left'],
      ])
    }
  })
})

test('walks return every group and every entry of the index, and nothing else', async () => {
  const { client } = connection
  await store.merge([patchOf('{walked}', { clock: 1, users: { 'w%': true, x: false } })])
  await client.set(`${prefix}group:{other}:lock`, 'of another program')
  await client.set(`${prefix}group:plain`, 'of another program')
  await client.set(`${prefix}user:{x}:groups`, 'of another program')
  const groups = new Set(await allOf(walkGroups(connection, (attempt) => attempt())))
  expect(groups).toContain('{walked}')
  expect([...groups].filter((id) => ['other', 'plain', '%7Bwalked%7D'].includes(id))).toEqual([])
  const entries = await allOf(walkIndex(connection, (attempt) => attempt()))
  const ofWalked = entries.filter(({ groupId }) => groupId === '{walked}')
  expect(ofWalked.sort((a, b) => (a.userId < b.userId ? -1 : 1))).toEqual([
    { userId: 'w%', groupId: '{walked}' },
    { userId: 'x', groupId: '{walked}' },
  ])
})

const NO_INDEX = { ...connection.settings, userIndex: false }

async function allOf<Item>(pages: AsyncIterable<Item[]>): Promise<Item[]> {
  const all: Item[] = []
  for await (const page of pages) all.push(...page)
  return all
}

async function callsOf(command: string): Promise<number> {
  const stats = await connection.client.info('commandstats')
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}

/** With plain maps, which are equal whatever their order. */
function withMaps(state: GroupState) {
  return { ...state, traits: new Map(state.traits), users: new Map(state.users) }
}
