/** How to start the worker that `npm run build` makes, with the memory settings of production. */
export const BUILT_WORKER = {
  args: ['--max-semi-space-size=4', 'dist/main.js', 'worker'],
  environment: { MALLOC_ARENA_MAX: '1' },
} as const
