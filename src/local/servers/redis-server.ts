/** A real Redis as a child process. */

import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ChildServer, startChildServer } from './child-server.ts'
import { type DownloadOptions, downloadFiles } from './maven.ts'
import { runCommand } from './run-command.ts'
import { StackFailed } from './stack-failed.ts'

/** A jar with redis-server programs for several platforms. */
const redisArtifact = 'com.github.codemonstur:embedded-redis:1.4.3'

/** Starts Redis with its data in the folder. @throws StackFailed if it cannot be run */
export async function startRedisServer(
  command: string,
  folder: string,
  port: number,
): Promise<ChildServer> {
  await mkdir(folder, { recursive: true })
  return startChildServer({
    name: 'Redis',
    command,
    args: ['--port', `${port}`, '--bind', '127.0.0.1', '--appendonly', 'yes', '--save', ''],
    cwd: folder,
    logFile: join(folder, 'redis.log'),
    readyLine: 'Ready to accept connections',
  })
}

/** Finds a usable redis-server on the PATH or among the downloads; undefined if there is none. */
export async function findRedisServer(downloads: string): Promise<string | undefined> {
  if (await isUsable('redis-server')) return 'redis-server'
  return findDownloaded(join(downloads, 'redis'))
}

/**
 * Downloads a redis-server for this platform, and returns its path.
 *
 * @throws StackFailed if Maven fails or there is none for this platform
 */
export async function downloadRedisServer(
  downloads: string,
  options: DownloadOptions,
): Promise<string> {
  const folder = join(downloads, 'redis')
  const pattern = `redis-server-*-${platform()}`
  await downloadFiles('Redis 6.2', redisArtifact, pattern, folder, options)
  const found = await findDownloaded(folder)
  if (found) return found
  throw new StackFailed(
    `There is no Redis to download for this platform (${platform()}). ` +
      'Install redis-server 6.2 or later on the PATH, then try again.',
  )
}

async function findDownloaded(folder: string): Promise<string | undefined> {
  if (!existsSync(folder)) return undefined
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    if (await isUsable(path)) return path
  }
  return undefined
}

/** Whether the program runs on this machine, and is Redis 6.2 or later. */
async function isUsable(command: string): Promise<boolean> {
  const { code, output } = await runCommand(command, ['--version'], { timeoutMs: 20_000 })
  const version = /v=(\d+)\.(\d+)/.exec(output)
  if (code !== 0 || !version) return false
  const [major, minor] = [Number(version[1]), Number(version[2])]
  return major > 6 || (major === 6 && minor >= 2)
}

/** Returns the platform as the jar names it: linux-amd64, linux-arm64, darwin-amd64, darwin-arm64. */
function platform(): string {
  return `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
}
