import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findJava, oldestJava } from './java.ts'
import { kafkaArtifacts, kafkaVersion } from './kafka-server.ts'
import { downloadJars, isMavenThere } from './maven.ts'
import { downloadRedisServer, findRedisServer } from './redis-server.ts'
import { whatToInstall } from './requirements.ts'
import { StackFailed } from './stack-failed.ts'

/** What the servers are run with where there is no Docker. */
export interface Programs {
  readonly java: string
  /** Java class path. */
  readonly kafkaJars: string
  readonly redisServer: string
}

export interface ProgramOptions {
  /** Where downloads are kept for every later start. */
  readonly downloads: string
  readonly report: (progress: string) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * Finds them on this machine, and downloads what is not there.
 *
 * @throws StackFailed: what is missing or went wrong, and what to do
 */
export async function getPrograms({
  downloads,
  report,
  signal,
}: ProgramOptions): Promise<Programs> {
  const jarsFolder = join(downloads, `kafka-${kafkaVersion}`)
  const java = await findJava(process.env)
  const redisServer = await findRedisServer(downloads)
  const downloaded = existsSync(jarsFolder) && redisServer !== undefined
  const maven = downloaded || (await isMavenThere())
  if (java === undefined || java.version < oldestJava || !maven) {
    throw new StackFailed(whatToInstall({ java: java?.version, maven }, process.platform))
  }
  const downloading = { report, signal }
  await downloadJars(`Apache Kafka ${kafkaVersion}`, kafkaArtifacts, jarsFolder, downloading)
  return {
    java: java.command,
    kafkaJars: join(jarsFolder, '*'),
    redisServer: redisServer ?? (await downloadRedisServer(downloads, downloading)),
  }
}
