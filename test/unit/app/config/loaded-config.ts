import { type ConfigRequest, loadConfig } from '../../../../src/app/config/loader.ts'
import { InvalidConfig } from '../../../../src/app/config/problem.ts'

export function load(
  request: Partial<ConfigRequest>,
  files: Readonly<Record<string, string>> = {},
) {
  return loadConfig({
    file: undefined,
    environment: {},
    flags: new Map(),
    needsKafka: false,
    localEndpoints: undefined,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw new Error('no such file')
      return text
    },
    ...request,
  })
}

export function linesOf(...args: Parameters<typeof load>): string[] {
  try {
    load(...args)
  } catch (error) {
    if (error instanceof InvalidConfig) return error.message.split('\n')
    throw error
  }
  throw new Error('the configuration is valid')
}
