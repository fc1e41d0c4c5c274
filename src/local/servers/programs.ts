import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findJava, oldestJava } from './java.ts'
import { kafkaArtifacts, kafkaVersion } from './kafka-server.ts'
import { type DownloadOptions, downloadJars, isMavenInstalled } from './maven.ts'
import { downloadRedisServer, findRedisServer } from './redis-server.ts'
import { whatToInstall } from './requirements.ts'
import { StackFailed } from './stack-failed.ts'

/** The programs that run the servers without Docker. */
export interface Programs {
  readonly java: string
  /** Java class path. */
  readonly kafkaJars: string
  readonly redisServer: string
}

export interface ProgramOptions extends DownloadOptions {
  /** Folder where downloads are kept for every later start. */
  readonly downloads: string
}

/**
 * Finds the programs on this machine, and downloads those that are missing.
 *
 * @throws StackFailed, saying what is missing or went wrong, and what to do
 */
export async function getPrograms(options: ProgramOptions): Promise<Programs> {
  const { downloads } = options
  const jarsFolder = join(downloads, `kafka-${kafkaVersion}`)
  const java = await findJava(process.env)
  const redisServer = await findRedisServer(downloads)
  const downloaded = existsSync(jarsFolder) && redisServer !== undefined
  const maven = downloaded || (await isMavenInstalled())
  if (java === undefined || java.version < oldestJava || !maven) {
    throw new StackFailed(whatToInstall({ java: java?.version, maven }, process.platform))
  }
  await downloadJars(`Apache Kafka ${kafkaVersion}`, kafkaArtifacts, jarsFolder, options)
  return {
    java: java.command,
    kafkaJars: join(jarsFolder, '*'),
    redisServer: redisServer ?? (await downloadRedisServer(downloads, options)),
  }
}
