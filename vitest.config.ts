import { defineConfig } from 'vitest/config'

/** Unit tests need no server; what needs one gets Kafka and Redis from test/setup/stack.ts. */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default', 'json'],
    outputFile: { json: '.local/reports/test.json' },
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/{unit,simulation}/**/*.test.ts'] } },
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
