import { defineConfig } from 'vitest/config'

/**
 * The projects `unit` and `simulation` need no server. `stack` gets Kafka and Redis from
 * test/setup/stack.ts, once for all of its files.
 */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default', 'json'],
    outputFile: { json: '.local/reports/test.json' },
    projects: [
      {
        extends: true,
        // the files of a process share their modules: loading them was most of the time
        test: { name: 'unit', include: ['test/{unit,bench}/**/*.test.ts'], isolate: false },
      },
      { extends: true, test: { name: 'simulation', include: ['test/simulation/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'stack',
          include: ['test/{property,integration,faults,fuzz}/**/*.test.ts'],
          globalSetup: 'test/setup/stack.ts',
        },
      },
    ],
  },
})
