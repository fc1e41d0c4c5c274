import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { exactNumber } from '../../../src/domain/json/exact-numbers.ts'
import { JsonText } from '../../../src/domain/json/stored-value.ts'
import { emptyState } from '../../../src/domain/merge/merge.ts'
import { NotRetriable } from '../../../src/pipeline/errors.ts'
import { readGroup, readUser } from '../../../src/redis/reading/group-reader.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { openTestRedis } from '../../setup/redis/connection.ts'

const prefix = `reader:${randomUUID()}:`
const connection = openTestRedis(inject('redisUrl'), {
  groupPrefix: `${prefix}group:`,
  userPrefix: `${prefix}user:`,
})
const store = openGroupStore(connection)
const raw = (command: string, name: string, ...args: (string | number)[]) =>
  connection.client.call(command, prefix + name, ...args)

afterAll(async () => {
  await connection.client.del(await connection.client.keys(`${prefix}*`))
  connection.close()
})

describe('reading a group', () => {
  test('returns traits, removed traits, members and those who left', async () => {
    const traits = {
      plan: 'pro',
      address: new JsonText('{"city":"Oslo","__proto__":1}'),
      employees: new JsonText('9007199254740993'),
      looks: '{"like":"json"}',
    }
    await store.merge([
      patchOf('known', { clock: 7, traits: { ...traits, old: null } }),
      patchOf('known', { clock: 5, users: { a: true, b: false } }),
      patchOf('known', { clock: 6, users: { c: true } }),
    ])
    const group = await readGroup(connection, 'known')
    expect(group).toEqual({
      groupId: 'known',
      traits: [
        {
          ...{ name: 'address', value: JSON.parse('{"city":"Oslo","__proto__":1}') },
          ...{ stored: '{"city":"Oslo","__proto__":1}', form: 'j', clock: 7 },
        },
        {
          ...{ name: 'employees', value: exactNumber('9007199254740993') },
          ...{ stored: '9007199254740993', form: 'j', clock: 7 },
        },
        { name: 'looks', value: '{"like":"json"}', stored: '{"like":"json"}', form: '', clock: 7 },
        { name: 'plan', value: 'pro', stored: 'pro', form: '', clock: 7 },
      ],
      removed: [{ name: 'old', clock: 7 }],
      members: [
        { userId: 'c', clock: 6 },
        { userId: 'a', clock: 5 },
      ],
      memberCount: 2,
      left: [{ userId: 'b', clock: 5 }],
      leftCount: 1,
      latest: 7,
      erasedAt: -1,
    })
  })

  test('returns traits of any name, also those that JavaScript objects have already', async () => {
    const names = ['__proto__', 'constructor', 'toString', '1', '0']
    const traits = new Map(names.map((name) => [name, name]))
    await store.merge([patchOf('odd {%} id', { clock: 1, traits })])
    const group = await readGroup(connection, 'odd {%} id')
    expect(group?.traits.map(({ name, value }) => [name, value])).toEqual(
      names.sort().map((name) => [name, name]),
    )
  })

  test('returns null if Redis holds nothing of it', async () => {
    expect(await readGroup(connection, 'nobody')).toBeNull()
  })

  test('returns the time of an erasure and nothing that was erased', async () => {
    await store.merge([
      patchOf('erased', { clock: 3, traits: { plan: 'pro' }, users: { a: true } }),
    ])
    await store.merge([{ ...emptyState('erased'), latest: 5, erasedAt: 5 }])
    expect(await readGroup(connection, 'erased')).toMatchObject({
      ...{ traits: [], removed: [], members: [], memberCount: 0, latest: 5, erasedAt: 5 },
    })
  })

  test('leaves out what an erasure in progress has still to delete', async () => {
    const content = { traits: { plan: 'pro', old: null }, users: { a: true, b: false } }
    await store.merge([patchOf('half erased', { clock: 5, ...content })])
    await store.merge([
      patchOf('half erased', { clock: 6, traits: { name: 'x' }, users: { c: true } }),
    ])
    await raw('HSET', 'group:{half erased}', 'by hand', 'x')
    await raw('HSET', 'group:{half erased}:clock', '', '00000000000000060000000000000005')
    expect(await readGroup(connection, 'half erased')).toMatchObject({
      traits: [{ name: 'name' }],
      removed: [],
      members: [{ userId: 'c', clock: 6 }],
      ...{ memberCount: 1, left: [], leftCount: 0 },
    })
  })

  test('returns a field without a clock, and JSON that does not parse, as text', async () => {
    await store.merge([patchOf('touched', { clock: 5, traits: { n: new JsonText('1') } })])
    await raw('HSET', 'group:{touched}', 'by hand', 'x', 'n', 'not json')
    expect((await readGroup(connection, 'touched'))?.traits).toEqual([
      { name: 'by hand', value: 'x', stored: 'x', form: '', clock: null },
      { name: 'n', value: 'not json', stored: 'not json', form: 'j', clock: 5 },
    ])
  })

  test('returns the latest of many members, and the number of all', async () => {
    for (const clock of [3, 1, 2]) {
      await store.merge([
        patchOf('crowd', { clock, users: { [`u${clock}`]: true, [`l${clock}`]: false } }),
      ])
    }
    expect(await readGroup(connection, 'crowd', 2)).toMatchObject({
      members: [{ userId: 'u3' }, { userId: 'u2' }],
      left: [{ userId: 'l3' }, { userId: 'l2' }],
      ...{ memberCount: 3, leftCount: 3 },
    })
  })

  test('fails on a key of the wrong type, and says where to look for it', async () => {
    await raw('SET', 'group:{taken}:members', 'x')
    const reading = readGroup(connection, 'taken')
    await expect(reading).rejects.toThrow(NotRetriable)
    await expect(reading).rejects.toThrow(/group:\{taken\}/)
  })
})

describe('reading a user', () => {
  test('returns the groups, and those that the user left, the latest first', async () => {
    const at = (groupId: string, clock: number, member: boolean) =>
      patchOf(groupId, { clock, users: { '} u': member } })
    await store.merge([at('g1', 1, true), at('g2', 2, true), at('g3', 3, false)])
    expect(await readUser(connection, '} u')).toEqual({
      userId: '} u',
      groups: [
        { groupId: 'g2', clock: 2 },
        { groupId: 'g1', clock: 1 },
      ],
      groupCount: 2,
      left: [{ groupId: 'g3', clock: 3 }],
      leftCount: 1,
    })
    expect(await readUser(connection, '} u', 1)).toMatchObject({
      groups: [{ groupId: 'g2' }],
      groupCount: 2,
    })
  })

  test('returns null if Redis holds nothing of it', async () => {
    expect(await readUser(connection, 'nobody')).toBeNull()
  })
})
