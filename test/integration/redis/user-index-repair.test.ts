import { expect, test } from 'vitest'
import { Memberships } from '../../../src/domain/merge/memberships.ts'
import { repairUserIndex } from '../../../src/redis/rebuild/user-index-repair.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { layoutOf } from '../../setup/oracle/state-layout.ts'
import { withStepBefore } from '../../setup/redis/step-before.ts'
import { allIn, onBothServers } from './both-servers.ts'

const never = new AbortController().signal

onBothServers((ownConnection) => {
  test('a user index that is wrong in every proxy is repaired', async () => {
    const connection = ownConnection()
    const { client, settings } = connection
    const store = openGroupStore(connection)
    const members = Object.fromEntries(Array.from({ length: 700 }, (_, i) => [`u${i}`, i % 3 > 0]))
    const states = [
      patchOf('large', { clock: 5, users: members }),
      patchOf('} {%\u0001é', { clock: 6, users: { u1: true, '{u}%\u0085': false } }),
    ]
    await store.merge(states)
    const user = (id: string) => `${settings.userPrefix}{${id}}`
    await client.zadd(`${user('u1')}:groups`, 3, 'large', 4, 'of nobody', 4, 'large too')
    await client.zadd(`${user('u2')}:left`, 9, 'large')
    await client.del(`${user('u4')}:groups`)
    await client.del(`${user('u3')}:left`)
    await client.zadd(`${user('nobody')}:left`, 1, 'large')
    await client.set(`${user('taken')}:groups`, 'by another program')
    expect(await repairUserIndex(connection, store, never)).toEqual([])
    expect(await client.getdel(`${user('taken')}:groups`)).toBe('by another program')
    expect(await allIn(connection)).toEqual(layoutOf(states))
  })

  test('the repair of the user index does not undo what a worker merges meanwhile', async () => {
    const connection = ownConnection()
    const store = openGroupStore(connection)
    await store.merge([patchOf('g', { clock: 1, users: { ann: true } })])
    const stray = `${connection.settings.userPrefix}{bob}:groups`
    await connection.client.zadd(stray, 5, 'g')
    let isMerged = false
    const disturbed = withStepBefore(connection, 'setUserIndex', async () => {
      if (isMerged) return
      isMerged = true
      await store.merge([patchOf('g', { clock: 5, users: { bob: true } })])
    })
    await repairUserIndex(disturbed, openGroupStore(connection), never)
    expect(isMerged).toBe(true)
    const users = { ann: { clock: 1, member: true }, bob: { clock: 5, member: true } }
    const state = { ...patchOf('g', { clock: 5 }), users: new Memberships(Object.entries(users)) }
    expect(await allIn(connection)).toEqual(layoutOf([state]))
  })
})
