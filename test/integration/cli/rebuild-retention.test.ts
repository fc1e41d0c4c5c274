import { describe, expect, test } from 'vitest'
import type { Scene } from '../../setup/scene/scene.ts'
import { openScene } from '../../setup/scene/test-scene.ts'
import { addUnknown, contents, rebuild, unknownKeys } from './rebuilt-scene.ts'

describe('if the topic no longer holds all events', () => {
  test('its events are merged into Redis, and what only Redis holds is kept', async () => {
    const scene = await withRetention()
    await addUnknown(scene)
    await scene.redis.hset(`${scene.config.redis.groupPrefix}{group 0}`, 'plan', 'corrupted')
    const before = await contents(scene)
    await scene.redis.del(`${scene.config.redis.groupPrefix}{group 1}`)
    const { exitCode, stdout, stderr } = await rebuild(scene)
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(
      /no longer has all events:\n {2}partition 0 begins at offset 1500: earlier records are gone/,
    )
    expect(stdout).toMatch(/^1500 records merged into the state in Redis\.$/m)
    expect(Object.keys(await contents(scene)).sort()).toEqual(Object.keys(before).sort())
    expect(await unknownKeys(scene)).toHaveLength(5)
  })

  test('--replace drops what only Redis holds, and needs --yes', async () => {
    const scene = await withRetention()
    const before = await contents(scene)
    const refused = await rebuild(scene, '--replace')
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
    expect(refused.stderr).toMatch(
      /^error: data that only Redis has would be lost: to do so, add --yes/m,
    )
    expect(await contents(scene)).toEqual(before)

    const done = await rebuild(scene, '--replace', '--prune', '--yes')
    expect(done).toMatchObject({ exitCode: 0 })
    expect((await scene.oracle.check()).differences.filter(({ kind }) => kind === 'state')).toEqual(
      [],
    )
  })

  test('--prune without --replace fails', async () => {
    const scene = await withRetention()
    const before = await contents(scene)
    const { exitCode, stderr } = await rebuild(scene, '--prune', '--yes')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(
      /^error: --prune would delete groups whose events are no longer in the topic/m,
    )
    expect(await contents(scene)).toEqual(before)
  })

  test('the message says that a topic is compacted', async () => {
    const scene = await openScene({ partitions: 1 })
    await compact(scene)
    const { exitCode, stderr } = await rebuild(scene)
    expect(exitCode).toBe(0)
    expect(stderr).toContain('it is compacted: it may have only the last record of each key')
  })
})

/** A topic of 3000 records, all merged by a worker, of which retention then deleted the first half. */
async function withRetention(): Promise<Scene> {
  const scene = await openScene({ partitions: 1, workers: 1 })
  await scene.load.send(3000)
  await scene.oracle.untilDrained()
  const { topic } = scene.config.kafka
  await scene.withAdmin(async (admin) => {
    await admin.fetchTopicOffsets(topic) // else it does not know the topic
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1500' }] })
  })
  return scene
}

async function compact({ config, withAdmin }: Scene): Promise<void> {
  const configEntries = [{ name: 'cleanup.policy', value: 'compact,delete' }]
  const resources = [{ type: 2, name: config.kafka.topic, configEntries }]
  await withAdmin((admin) => admin.alterConfigs({ validateOnly: false, resources }))
}
