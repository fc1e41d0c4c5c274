import { defineConfig } from 'vitest/config'

/** The Docker tests, one file after the other. They need a Docker engine and build the image. */
export default defineConfig({
  test: {
    include: ['test/docker/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    reporters: ['default', 'json'],
    outputFile: { json: '.local/reports/docker.json' },
  },
})
