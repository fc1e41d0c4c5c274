import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, inject, test } from 'vitest'
import { fold } from '../../../src/domain/merge/merge.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { delivered, events } from '../../setup/oracle/arrangements.ts'
import { statesByDefinition } from '../../setup/oracle/definition.ts'
import { deleteLayout, layoutOf, readLayout, withPrefix } from '../../setup/oracle/state-layout.ts'
import { openTestRedis } from '../../setup/redis/connection.ts'
import { startOwnRedis } from '../../setup/servers/own-redis.ts'

const binary = inject('redisServer')
const LOCALE = 'en_US.UTF-8'
const hasLocaledef = spawnSync('localedef', ['--version']).status === 0

describe.skipIf(binary === '' || !hasLocaledef)(
  'in a locale that does not collate by bytes (needs localedef)',
  () => {
    test('values at equal clocks are still compared by their bytes', async () => {
      const server = await startOwnRedis(binary, { prepare: makeLocale, env: localeOf })
      const connection = openTestRedis(server.url)
      await connection.opened
      try {
        const isLess = (a: string, b: string) =>
          connection.client.eval('return ARGV[1] < ARGV[2] and 1 or 0', 0, a, b)
        expect(await isLess('a', 'B'), 'the locale is not in use').toBe(1)

        const store = openGroupStore(connection)
        await store.merge([patchOf('g', { clock: 1, traits: { plan: 'a' } })])
        await store.merge([patchOf('g', { clock: 1, traits: { plan: 'B' } })])
        expect(await connection.client.hget('group:{g}', 'plan')).toBe('a')

        const deliveries = events.chain((all) => fc.tuple(fc.constant(all), delivered(all)))
        await fc.assert(
          fc.asyncProperty(deliveries, async ([all, batches]) => {
            const one = withPrefix(connection, `collation:${randomUUID()}:`)
            for (const batch of batches) await openGroupStore(one).merge([...fold(batch).values()])
            expect(await readLayout(one)).toEqual(layoutOf(statesByDefinition(all)))
            await deleteLayout(one)
          }),
          { numRuns: 200 },
        )
      } finally {
        connection.close()
        await server.stop()
      }
    })
  },
)

async function makeLocale(folder: string): Promise<void> {
  const made = spawnSync('localedef', ['-i', 'en_US', '-f', 'UTF-8', join(folder, LOCALE)])
  // 1 means: made, with warnings
  if (made.status !== 0 && made.status !== 1) throw new Error(`localedef: ${made.stderr}`)
}

function localeOf(folder: string): Record<string, string> {
  return { LOCPATH: folder, LC_ALL: LOCALE }
}
