import { join } from 'node:path'
import { runCommand } from './run-command.ts'

/** The oldest Java that Kafka 4 runs on. */
export const oldestJava = 17

export interface Java {
  readonly command: string
  /** Major version: 17, 21, … */
  readonly version: number
}

/** Finds the Java of JAVA_HOME if that is set, else of the PATH; undefined if it does not run. */
export async function findJava(env: NodeJS.ProcessEnv): Promise<Java | undefined> {
  const command = env.JAVA_HOME ? join(env.JAVA_HOME, 'bin', 'java') : 'java'
  const { code, output } = await runCommand(command, ['-version'], { timeoutMs: 20_000 })
  const found = /version "(?:1\.)?(\d+)/.exec(output)
  return code === 0 && found ? { command, version: Number(found[1]) } : undefined
}
