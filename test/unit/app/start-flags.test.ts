import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import packageJson from '../../../package.json' with { type: 'json' }

const textOf = (path: string) =>
  readFileSync(resolve(import.meta.dirname, '../../..', path), 'utf8')

/** Every place that starts a worker. Its memory was measured with these settings. */
const STARTS = {
  'npm start': packageJson.scripts.start,
  'npm run group-traits': packageJson.scripts['group-traits'],
  'the first line of src/main.ts': textOf('src/main.ts').split('\n')[0] ?? '',
  'the Dockerfile': textOf('Dockerfile'),
  'the benchmark and the chaos run': textOf('test/setup/worker/built-worker.ts'),
}

const flagsOf = (text: string) => ({
  semiSpaceMiB: Array.from(text.matchAll(/--max-semi-space-size=(\d+)/g), ([, size]) => size),
  arenas: Array.from(text.matchAll(/MALLOC_ARENA_MAX(?:=|: ')(\d+)/g), ([, count]) => count),
})

test.each(Object.entries(STARTS))(
  '%s starts the worker with the same memory settings',
  (_, text) => {
    expect(flagsOf(text)).toEqual({ semiSpaceMiB: ['4'], arenas: ['1'] })
  },
)
