import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const execute = promisify(execFile)
const modulePath = fileURLToPath(new URL('../../../src/telemetry/logger.ts', import.meta.url))

test.each(['json', 'pretty'] as const)(
  'the last of many lines before process.exit is not lost (%s)',
  async (format) => {
    const script = `
      import { createLogger } from ${JSON.stringify(modulePath)}
      const log = createLogger({ level: 'info', format: '${format}' })
      for (let n = 1; n <= 3000; n++) log.info({ n, filler: 'x'.repeat(100) }, 'line')
      log.fatal({}, 'the last line')
      process.exit(3)`
    const ended = execute(process.execPath, ['--input-type=module', '-e', script])
    const { code, stdout } = await ended.then(
      () => ({ code: 0, stdout: '' }),
      (error: { code: number; stdout: string }) => error,
    )
    const lines = stdout.trimEnd().split('\n')
    expect(code).toBe(3)
    expect(lines).toHaveLength(3001)
    expect(lines.at(-1)).toContain('the last line')
  },
)
