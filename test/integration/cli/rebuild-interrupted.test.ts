import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, test } from 'vitest'
import type { Scene } from '../../setup/scene/scene.ts'
import { openRedisProxy, openScene } from '../../setup/scene/test-scene.ts'
import { until } from '../../setup/waiting.ts'
import { begin, corrupt, lockOf, ownRedis, pauseOf, rebuild } from './rebuilt-scene.ts'

const binary = inject('redisServer')

describe('interrupted', () => {
  test('by SIGINT while it reads: nothing is changed, and no key is left behind', async () => {
    const scene = await openScene({ partitions: 1, workers: 1 })
    await scene.load.send(10_000)
    await scene.oracle.untilDrained()
    const { child, outcome, said } = begin(scene)
    await said('reading the topic')
    child.kill('SIGINT')
    expect((await outcome).stdout).toMatch(
      /^\d+ records read, 0 groups rebuilt\.\nStopped early: nothing was changed\.$/m,
    )
    expect((await outcome).exitCode).toBe(1)
    expect((await scene.oracle.check()).differences).toEqual([])
    expect(await scene.redis.exists(pauseOf(scene))).toBe(0)
  })

  test('by SIGKILL at any point: the workers go on, nothing is lost, and it can be run again', async () => {
    const scene = await openScene({ partitions: 3, workers: 2 })
    await scene.load.send(2000)
    const load = scene.load.run(300)
    for (const point of ['reading', 'are paused', 'replacing', 'replacing', 'repairing']) {
      await corrupt(scene)
      const { child, outcome, said } = begin(scene)
      await said(point)
      await sleep(Math.random() * 30) // any moment of this step
      child.kill('SIGKILL')
      await outcome
      await expire(scene, lockOf(scene))
      await expire(scene, pauseOf(scene))
    }
    expect(await rebuild(scene)).toMatchObject({ exitCode: 0 })
    await load.stop()
    expect((await scene.oracle.check({ timeoutMs: 60_000 })).differences).toEqual([])
  }, 180_000)

  test('by SIGKILL while the workers are paused: they go on by themselves, and no group loses anything', async () => {
    const scene = await openScene({ partitions: 3, workers: 2 })
    await scene.load.send(2000)
    const load = scene.load.run(300)
    const { child, outcome, said } = begin(scene)
    await said('replacing the groups')
    child.kill('SIGKILL')
    await outcome
    await expire(scene, pauseOf(scene))
    await load.stop()
    await deleteSecondPrefix(scene)
    const { differences } = await scene.oracle.check({ timeoutMs: 60_000 })
    // entries of the user index for members that were replaced may be wrong until the next rebuild
    const { userPrefix } = scene.config.redis
    const isOfIndex = (each: object) => 'key' in each && String(each.key).startsWith(userPrefix)
    expect(differences.filter((each) => !isOfIndex(each))).toEqual([])
    expect(await rebuild(scene)).toMatchObject({ exitCode: 0 })
    expect((await scene.oracle.check({ timeoutMs: 60_000 })).differences).toEqual([])
  }, 180_000)

  test.skipIf(binary === '')(
    'by SIGINT while groups are replaced: it says how to go on',
    async () => {
      const { scene, child, outcome, proxy } = await withSlowPlacing()
      const folded = `${scene.config.redis.groupPrefix}rebuild:{group 0}:clock`
      await until('the group is replaced', async () => (await scene.redis.exists(folded)) === 0)
      child.kill('SIGINT')
      const { exitCode, stdout } = await outcome
      expect(stdout).toMatch(/^Stopped early: .*Run it again/m)
      expect(exitCode).toBe(1)
      proxy.delay(0)
      expect(await scene.redis.exists(pauseOf(scene))).toBe(0)
      await scene.load.send(500)
      expect((await scene.oracle.check({ timeoutMs: 60_000 })).differences).toEqual([])
    },
    180_000,
  )

  describe.skipIf(binary === '')('by being frozen for longer than the pause lasts', () => {
    test.each(['SIGSTOP', 'frozen way'])(
      '(%s): it does not go on',
      async (how) => {
        const { scene, child, outcome, said, proxy } = await withSlowPlacing()
        await said('replacing the groups')
        if (how === 'SIGSTOP') child.kill('SIGSTOP')
        else proxy.freeze()
        await scene.load.send(500)
        await expire(scene, lockOf(scene))
        await expire(scene, pauseOf(scene))
        await scene.oracle.untilDrained(60_000)
        expect(await scene.redis.exists(pauseOf(scene))).toBe(0)
        proxy.delay(0)
        if (how === 'SIGSTOP') child.kill('SIGCONT')
        else proxy.thaw()
        const { exitCode, stderr } = await outcome
        expect(stderr).toMatch(/^error: Redis or this process was frozen for too long/m)
        expect(exitCode).toBe(1)
        expect((await scene.oracle.check()).differences).toEqual([])
      },
      180_000,
    )
  })
})

test.skipIf(binary === '')(
  'if Redis has no room for a second copy, the rebuild fails and frees the room for the workers',
  async () => {
    const scene = await openScene({ partitions: 1, workers: 1, redisUrl: await ownRedis() })
    await scene.load.send(10_000)
    await scene.oracle.untilDrained()
    const used = Number(/^used_memory:(\d+)/m.exec(await scene.redis.info('memory'))?.[1])
    await scene.redis.config('SET', 'maxmemory', used + 300_000)
    const { exitCode, stderr } = await rebuild(scene)
    expect(stderr).toMatch(/^error: Redis is full: it has no room for a second copy/m)
    expect(exitCode).toBe(1)
    await scene.redis.config('SET', 'maxmemory', 0)
    expect((await scene.oracle.check()).differences).toEqual([])
  },
  60_000,
)

/** As the next rebuild would do first. */
async function deleteSecondPrefix({ redis, config }: Scene): Promise<void> {
  const keys = await redis.keys(`${config.redis.groupPrefix}rebuild:*`)
  await redis.unlink(...keys, lockOf({ config }))
}

/** Expires a lock now instead of up to 30 s after its owner was killed or frozen. */
async function expire({ redis }: Scene, key: string): Promise<void> {
  const leftMs = await redis.pttl(key)
  expect(leftMs === NO_KEY || (leftMs > 0 && leftMs <= 30_000), `${key}: ${leftMs}`).toBe(true)
  await redis.pexpire(key, 0)
}

const NO_KEY = -2

/** A rebuild that has paused the worker, and whose connection to Redis is slow from then on. */
async function withSlowPlacing() {
  const redisUrl = await ownRedis()
  const { proxy, url } = await openRedisProxy(redisUrl)
  const scene = await openScene({ partitions: 2, workers: 1, redisUrl })
  await scene.load.send(500)
  await scene.oracle.untilDrained()
  const process = begin(scene, { REDIS_URL: url })
  await process.said('are paused')
  proxy.delay(200)
  return { scene, proxy, ...process }
}
