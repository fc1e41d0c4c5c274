import { expect, test, vi } from 'vitest'
import { getPrograms } from '../../../src/local/programs.ts'
import { StackFailed } from '../../../src/local/stack-failed.ts'

test('a machine without Java and Maven is told what to install', async () => {
  vi.stubEnv('PATH', '/nowhere')
  vi.stubEnv('JAVA_HOME', '')
  const programs = getPrograms({ downloads: '/nowhere', report: () => {} })
  await expect(programs).rejects.toThrow(StackFailed)
  await expect(programs).rejects.toThrow('Java is missing and Maven (mvn) is missing')
  vi.unstubAllEnvs()
})
